"""Journal, leases and evidence as files: faults that only files can have."""

import os
from pathlib import Path

import pytest

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.files.evidence import FileEvidence
from gatewayctl.adapters.files.journal import FileJournal
from gatewayctl.adapters.files.leases import FileLeases
from gatewayctl.adapters.files.locking import read_json
from gatewayctl.adapters.files.records import release_from_json, release_to_json
from gatewayctl.domain.errors import EnvironmentFailed, UsageFault
from gatewayctl.domain.platform import Holder
from tests.contract.releases import a_release

BAD_NAMES = ["", ".", "..", "../up", "a/b", "/etc", "a\0b", "-x", "a b", ".hidden", "x" * 200]


def current_holder() -> Holder:
    return Holder("me", os.uname().nodename, os.getpid(), 1.0)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_never_leads_outside_its_folder(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"

    with pytest.raises(UsageFault):
        FileJournal(root).save(name, a_release(), 0)
    with pytest.raises(UsageFault):
        FileLeases(root, SystemClock()).acquire(name, current_holder())
    with pytest.raises(UsageFault):
        FileEvidence(root).put(name, "plan.txt", "")

    assert [path.name for path in tmp_path.iterdir()] in ([], ["root"])


@pytest.mark.parametrize("name", ["../plan.txt", "a/../../b", "a//b", "/plan.txt", "a/b/c/d/e", "a/"])
def test_a_document_never_leaves_its_bundle(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageFault):
        FileEvidence(tmp_path).put("r-1", name, "")

    assert list(tmp_path.rglob("*")) == []


def test_a_document_may_be_in_a_folder_of_its_bundle(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path)

    evidence.put("r-1", "smoke/orders/junit.xml", "<x/>")

    assert (Path(evidence.folder("r-1")) / "smoke" / "orders" / "junit.xml").read_text() == "<x/>"
    assert Path(evidence.folder("r-2")).is_dir()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"version": "1"}', '{"version": 1, "release": {"id": "r-1"}}', "\0", '{"version": 0}'],
)
def test_a_journal_that_cannot_be_read_is_an_environment_fault_that_names_the_file(tmp_path: Path, text: str) -> None:
    journal = FileJournal(tmp_path)
    journal.save("orders", a_release(), 0)
    path = tmp_path / "journal" / "orders.json"
    path.write_text(text)

    with pytest.raises(EnvironmentFailed, match=r"orders\.json"):
        journal.load("orders")

    assert path.read_text() == text


def test_a_journal_with_a_header_that_http_does_not_allow_is_refused() -> None:
    text = release_to_json(a_release()).replace('"x-canary"', '"X Canary"')

    with pytest.raises(EnvironmentFailed, match="somewhere"):
        release_from_json(text, "somewhere")


def test_a_release_survives_json() -> None:
    assert release_from_json(release_to_json(a_release()), "here") == a_release()


def test_a_process_that_has_the_holders_pid_but_not_its_start_is_not_the_holder(tmp_path: Path) -> None:
    leases = FileLeases(tmp_path, SystemClock())
    leases.acquire("orders", current_holder())
    path = tmp_path / "leases" / "orders.json"
    lease = read_json(path)
    assert lease is not None

    path.write_text(path.read_text().replace(f'"started": "{lease["started"]}"', '"started": "1"'))

    assert leases.holder("orders") is None


@pytest.mark.parametrize("text", ["{}", '{"actor": "a", "host": "h", "pid": "x", "since": 0}', "no json"])
def test_a_lease_that_cannot_be_read_is_an_environment_fault_that_names_the_file(tmp_path: Path, text: str) -> None:
    leases = FileLeases(tmp_path, SystemClock())
    leases.acquire("orders", current_holder())
    (tmp_path / "leases" / "orders.json").write_text(text)

    with pytest.raises(EnvironmentFailed, match=r"orders\.json"):
        leases.acquire("orders", current_holder())


def test_nothing_but_the_files_themselves_is_left_in_a_folder(tmp_path: Path) -> None:
    version = 0
    for number in range(3):
        version = FileJournal(tmp_path).save("orders", a_release(number), version).version

    assert sorted(path.name for path in (tmp_path / "journal").iterdir()) == [".lock", "orders.json"]


def test_a_folder_that_cannot_be_written_is_an_environment_fault(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file, not a folder")

    with pytest.raises(EnvironmentFailed, match="journal"):
        FileJournal(tmp_path).save("orders", a_release(), 0)
