"""Archives hold what they say, are named by what they are made from, and are never half written."""

import hashlib
import io
import json
import stat
import tarfile
from pathlib import Path

import pytest

from tests.cluster.archive import Config, Image, archive
from tests.cluster.layers import Entry, Layer, copies, layer_file, written


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o700)
    return file


def an_image(name: str, *layers: Layer) -> Image:
    return Image((name,), layers, Config(("/bin/program", name), (("COLOUR", "blue"),)))


def contents(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}


def last_of(layer: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return tar.getnames()[-1]


def members(file: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(file) as tar:
        return {member.name: member for member in tar}


def test_every_digest_of_an_archive_is_that_of_its_content(tmp_path, program):
    base, top = Layer("base", (Entry("etc/name", content=b"x"),)), Layer("top", copies([("/bin/program", program)]))

    files = contents(archive("shop", (an_image("shop/a:1", base, top),), tmp_path / "images"))

    (described,) = json.loads(files["manifest.json"])
    config = json.loads(files[described["Config"]])
    assert described["RepoTags"] == ["shop/a:1"]
    assert described["Config"] == f"{hashlib.sha256(files[described['Config']]).hexdigest()}.json"
    digests = [hashlib.sha256(files[layer]).hexdigest() for layer in described["Layers"]]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}" for digest in digests]
    assert [last_of(files[layer]) for layer in described["Layers"]] == ["etc/name", "bin/program"]
    assert config["config"]["Entrypoint"] == ["/bin/program", "shop/a:1"]
    assert config["config"]["Env"] == ["COLOUR=blue"]
    assert config["config"]["User"] == "65532:65532"


def test_images_of_one_archive_share_their_layers(tmp_path):
    base = Layer("base", (Entry("etc/name", content=b"x"),))

    files = contents(archive("shop", (an_image("shop/a:1", base), an_image("shop/a:2", base)), tmp_path))

    first, second = json.loads(files["manifest.json"])
    assert first["Layers"] == second["Layers"]
    assert first["Config"] != second["Config"]
    assert len([name for name in files if name.endswith(".tar")]) == 1


def test_what_is_in_a_layer_may_be_read_by_anybody_whatever_it_is_here(tmp_path, program):
    entries = (
        *copies([("/opt/deep/program", program)]),
        Entry("tmp", stat.S_IFDIR | 0o1777),
        Entry("work", stat.S_IFDIR | 0o755, owner=65532),
        Entry("bin/name", target="/opt/deep/program"),
    )

    found = members(layer_file(Layer("all", entries), tmp_path))

    assert list(found) == ["bin", "bin/name", "opt", "opt/deep", "opt/deep/program", "tmp", "work"]
    assert found["opt/deep/program"].mode == 0o755
    assert (found["opt/deep/program"].uid, found["opt/deep/program"].uname) == (0, "")
    assert found["opt/deep"].isdir()
    assert found["opt/deep"].mode == 0o755
    assert found["tmp"].mode == 0o1777
    assert found["work"].uid == 65532
    assert found["bin/name"].issym()
    assert found["bin/name"].linkname == "/opt/deep/program"


def test_an_archive_that_is_there_is_not_written_again(tmp_path, program):
    image = an_image("shop/a:1", Layer("top", copies([("/bin/program", program)])))
    first = archive("shop", (image,), tmp_path)
    node = first.stat().st_ino

    assert archive("shop", (image,), tmp_path) == first
    assert first.stat().st_ino == node


def test_a_changed_file_a_changed_start_and_a_changed_name_are_other_archives(tmp_path, program):
    def build(name: str = "shop/a:1", environment: tuple[tuple[str, str], ...] = ()) -> Path:
        layer = Layer("top", copies([("/bin/program", program)]))
        return archive("shop", (Image((name,), (layer,), Config(("/x",), environment)),), tmp_path)

    seen = [build(), build("shop/a:2"), build(environment=(("A", "1"),))]
    program.write_text("#!/bin/sh\necho changed\n")
    seen.append(build())

    assert len(set(seen)) == 4


def test_caches_that_come_and_go_are_written_but_make_no_other_archive(tmp_path, program):
    def layer(*names: str) -> Layer:
        return Layer("top", (Entry("a", content=b"a"),), lambda: copies([(name, program) for name in names]))

    assert layer("b").key() == layer("b", "c").key()
    assert list(members(layer_file(layer("b"), tmp_path))) == ["a", "b"]


def test_a_file_whose_writing_broke_off_is_not_there(tmp_path):
    def fill(tar: tarfile.TarFile) -> None:
        tar.addfile(tarfile.TarInfo("half"))
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        written(tmp_path, "shop", "1", fill)

    assert list(tmp_path.iterdir()) == []


def test_of_one_label_only_the_latest_are_kept(tmp_path):
    def fill(tar: tarfile.TarFile) -> None:
        tar.addfile(tarfile.TarInfo("something"))

    other = written(tmp_path, "envoy", "1", fill)
    made = [written(tmp_path, "shop", str(number), fill) for number in range(5)]

    assert made[-1].exists()
    assert other.exists()
    assert len(list(tmp_path.glob("shop-*"))) == 3
