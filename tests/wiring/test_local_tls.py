"""A release that began elsewhere: its PEM files are those of this machine's configuration."""

from dataclasses import replace
from pathlib import Path

import pytest

from gatewayctl.config.load import ConfigFault
from gatewayctl.domain.platform import Tls
from gatewayctl.wiring.discovery import wire
from gatewayctl.wiring.local_tls import LocalJournal, with_local_files
from tests.config.files import GOOD, write_config
from tests.fakes.memory import MemoryJournal, Silent
from tests.fakes.shop import ORDERS, AskingSuites, a_release, target
from tests.fakes.world import World

ELSEWHERE = Tls("/release/certificates/ca.pem")


def a_tls(folder: Path, name: str) -> Tls:
    file = folder / f"{name}.pem"
    file.write_text(name)
    return Tls(str(file))


def begun_with(world: World, ours: Tls | None, theirs: Tls | None):
    release = a_release(world, AskingSuites(world, []))
    return replace(
        release,
        target=replace(release.target, tls=ours),
        neighbours=(replace(target("payments"), tls=theirs),),
    )


def configured(**by_app: Tls | None):
    return {app: replace(ORDERS, target=replace(target(app), tls=tls)) for app, tls in by_app.items()}


def test_paths_that_lead_nowhere_here_are_those_of_the_configuration(tmp_path):
    here, theirs = a_tls(tmp_path, "here"), a_tls(tmp_path, "theirs")
    release = begun_with(World(), ELSEWHERE, ELSEWHERE)

    found = with_local_files(release, configured(orders=here, payments=theirs))

    assert (found.target.tls, found.neighbours[0].tls) == (here, theirs)


@pytest.mark.parametrize("frozen", ["here", "plain", "nowhere"])
def test_the_release_keeps_its_own_where_they_are_here_or_nobody_has_better_ones(tmp_path, frozen: str):
    own = {"here": a_tls(tmp_path, "own"), "plain": None, "nowhere": ELSEWHERE}[frozen]
    better = Tls("/gone/too.pem") if frozen == "nowhere" else a_tls(tmp_path, "here")
    release = begun_with(World(), own, None)

    assert with_local_files(release, configured(orders=better)) == release


def test_a_journal_gives_the_files_of_this_machine(tmp_path):
    world, here = World(), a_tls(tmp_path, "here")
    journal = LocalJournal(MemoryJournal(world), configured(orders=here))
    journal.save("orders", begun_with(world, ELSEWHERE, None), 0)

    record = journal.load("orders")

    assert record is not None
    assert (record.release.target.tls, record.version) == (here, 1)


def test_a_release_can_be_taken_back_without_the_files_and_not_begun(tmp_path):
    """The private key of the client may be on one machine only."""
    text = GOOD.replace("path: /api/orders/health}", "path: /api/orders/health, scheme: https, ca: nowhere.pem}")
    file = write_config(tmp_path, text)

    with pytest.raises(ConfigFault, match=r"nowhere\.pem: there is no such file"):
        wire(file, Silent(), "orders")

    found = wire(file, Silent(), "orders", "").app("orders").target.tls
    assert found == Tls(str(tmp_path / "nowhere.pem"))
