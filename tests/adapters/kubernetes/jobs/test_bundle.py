"""What travels into a cluster with a release, and what is too much."""

import base64
from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.jobs.bundle import LARGEST, Bundle, bundle
from gatewayctl.domain.errors import UsageFault


def write(folder: Path, **files: str) -> None:
    """Files by path, `__` for a slash and `_dot_` for a dot."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def paths(found: Bundle) -> list[str]:
    return [path for path, _ in found.files]


def test_files_lie_to_one_another_as_they_did(tmp_path):
    write(tmp_path, smoke__orders__test_it_dot_py="x", smoke__orders__data__one_dot_json="{}", other_dot_py="")

    found = bundle(
        tmp_path / "manifests" / "gatewayctl.yaml", "version: 1", [str(tmp_path / "manifests/../smoke/orders")]
    )

    assert found.config == "manifests/gatewayctl.yaml"
    assert paths(found) == ["manifests/gatewayctl.yaml", "smoke/orders/data/one.json", "smoke/orders/test_it.py"]
    assert [one["path"] for one in found.items] == paths(found)
    assert {one["key"] for one in found.items} == found.content["data"].keys()


def test_a_locustfile_brings_its_neighbours_and_pytest_finds_what_lies_above(tmp_path):
    write(tmp_path, smoke__orders__load_dot_py="", smoke__orders__shared_dot_py="", smoke__conftest_dot_py="")

    found = bundle(tmp_path / "gatewayctl.yaml", "", [str(tmp_path / "smoke/orders/load.py")])

    assert paths(found) == ["gatewayctl.yaml", "smoke/conftest.py", "smoke/orders/load.py", "smoke/orders/shared.py"]


def test_what_is_hidden_or_compiled_stays_behind(tmp_path):
    write(tmp_path, s__a_dot_py="", s___dot_env="secret", s___dot_git__config="", s__b_dot_pyc="")
    (tmp_path / "s/__pycache__").mkdir()
    (tmp_path / "s/__pycache__/a.txt").touch()

    assert paths(bundle(tmp_path / "gatewayctl.yaml", "", [str(tmp_path / "s")])) == ["gatewayctl.yaml", "s/a.py"]


def test_what_is_no_text_travels_as_bytes(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/a.png").write_bytes(b"\xff\x00")
    (tmp_path / "s/b.txt").write_bytes(b"a\x00b")

    content = bundle(tmp_path / "gatewayctl.yaml", "", [str(tmp_path / "s")]).content

    assert sorted(map(base64.b64decode, content["binaryData"].values())) == [b"a\x00b", b"\xff\x00"]
    assert list(content["data"].values()) == [""]


@pytest.mark.parametrize(
    "files", [{"one.txt": b"x" * LARGEST}, {"one.bin": b"\xff" * (LARGEST * 3 // 4)}], ids=["text", "bytes"]
)
def test_more_than_a_config_map_takes_is_refused_with_a_way_out(tmp_path, files):
    (tmp_path / "s").mkdir()
    for name, data in files.items():
        (tmp_path / "s" / name).write_bytes(data)

    with pytest.raises(UsageFault, match="larger than 900 kB") as caught:
        bundle(tmp_path / "gatewayctl.yaml", "", [str(tmp_path / "s")])

    assert "platform.runner.image" in caught.value.hint


def test_many_small_files_are_too_much_as_well(tmp_path):
    (tmp_path / "s").mkdir()
    for number in range(2300):
        (tmp_path / "s" / f"{number}.txt").touch()

    with pytest.raises(UsageFault, match="larger than 900 kB"):
        bundle(tmp_path / "gatewayctl.yaml", "", [str(tmp_path / "s")])


def test_a_suite_with_an_absolute_path_elsewhere_is_expected_in_the_image(tmp_path):
    found = bundle(tmp_path / "here" / "gatewayctl.yaml", "", ["/suites/orders"])

    assert paths(found) == ["gatewayctl.yaml"]


def test_a_suite_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageFault, match="does not exist"):
        bundle(tmp_path / "gatewayctl.yaml", "", [str(tmp_path / "s")])
