"""Evidence in files, beyond the contract of ports.Evidence: what children and interrupted writes leave in a bundle."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gatewayctl.adapters.files.evidence import FileEvidence
from gatewayctl.domain.errors import EnvironmentFailed, UsageFault


def test_what_a_child_process_wrote_is_a_document_and_an_interrupted_write_is_none(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path)
    folder = Path(evidence.folder("r-1"))
    (folder / "smoke").mkdir()
    (folder / "smoke" / "junit.xml").write_text("<testsuites/>")
    (folder / ".plan.txt.7-abc").write_text("half")

    assert evidence.names("r-1") == ("smoke/junit.xml",)
    assert evidence.get("r-1", "smoke/junit.xml") == "<testsuites/>"


def test_a_document_that_is_no_text_is_a_fault_that_names_it(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path)
    Path(evidence.folder("r-1"), "core").write_bytes(b"\xff\xfe")

    with pytest.raises(EnvironmentFailed, match=r"core: cannot be read"):
        evidence.get("r-1", "core")


@pytest.mark.parametrize("name", ["../r-2/plan.txt", "/etc/passwd", "a/b/c/d/e"])
def test_nothing_outside_the_bundle_is_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageFault):
        FileEvidence(tmp_path).get("r-1", name)


def _link_to_another_file(path: Path) -> None:
    secret = path.parent.parent / "secret"
    secret.write_text("token")
    path.symlink_to(secret)


def _link_without_end(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)  # it has this size, and takes no room on the disk


@pytest.mark.parametrize("make", [_link_to_another_file, _link_without_end, os.mkfifo, _make_huge])
def test_what_a_suite_put_in_the_place_of_a_document_is_not_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    evidence = FileEvidence(tmp_path)
    make(Path(evidence.folder("r-1"), "junit.xml"))

    with pytest.raises(EnvironmentFailed, match=r"junit\.xml: cannot be read: (not a file of its own|larger than)"):
        evidence.get("r-1", "junit.xml")


@pytest.mark.parametrize("make", [_link_to_another_file, _link_without_end, os.mkfifo])
def test_what_is_no_document_is_not_listed(tmp_path: Path, make: Callable[[Path], None]) -> None:
    evidence = FileEvidence(tmp_path)
    make(Path(evidence.folder("r-1"), "junit.xml"))

    assert evidence.names("r-1") == ()
