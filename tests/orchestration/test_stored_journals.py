"""A release that an earlier version journaled, stopped in any phase, is resumed and aborted by this one."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gatewayctl.adapters.files.journal import FileJournal
from gatewayctl.adapters.files.plans import plan_from
from gatewayctl.adapters.files.upgrades import SCHEMA
from gatewayctl.adapters.kubernetes.client.paths import config_maps
from gatewayctl.adapters.kubernetes.state.journal import KubernetesJournal, read_spec
from gatewayctl.config.load import parse
from gatewayctl.domain.errors import Drifted, EnvironmentFailed, UsageFault
from gatewayctl.domain.lifecycle import PromoteAsked, Resumed
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.domain.trial import Load, Suite, Timings
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.planning import check_drift
from gatewayctl.ports import Journal
from tests.adapters.kubernetes.fake_api.server import FakeApiServer, connect_to_fake
from tests.fakes.shop import AskingSuites, ports
from tests.fakes.stored import GOLDEN, Stop, stops
from tests.fakes.world import ROUTES, World

PATH = config_maps("shop", "gatewayctl-orders")
FILES, CONFIG_MAPS, SECOND, THIRD = stops("stopped"), stops("config-maps"), stops("schema-2"), stops("schema-3")
RAMPS = {Phase.SHIFT, Phase.SHARE, Phase.OBSERVE, Phase.PAUSED, Phase.CARRY, Phase.RETURN}
BEFORE_RAMPS = {phase.value for phase in Phase if phase not in RAMPS}
PLANS = [GOLDEN / "plan.json", GOLDEN / "plan-2.json", GOLDEN / "plan-3.json"]


def file_journal(stop: Stop, folder: Path) -> FileJournal:
    (folder / "journal").mkdir()
    (folder / "journal" / "orders.json").write_text(json.dumps(stop.data["journal"]))
    return FileJournal(folder)


@contextmanager
def cluster_journal(stop: Stop, folder: Path) -> Iterator[tuple[KubernetesJournal, FakeApiServer]]:
    with connect_to_fake(folder) as (server, api):
        server.objects[PATH] = stop.data["config_map"]
        yield KubernetesJournal(api, "shop"), server


def load_release(journal: Journal) -> Release:
    record = journal.load("orders")
    assert record is not None
    return record.release


def a_driver(world: World, journal: Journal, release: Release) -> Driver:
    suites = AskingSuites(world, [release])
    return Driver(replace(ports(world, suites), journal=journal), Holder("on-call", "elsewhere", 2, world.wall()))


def resume(driver: Driver) -> Release:
    """Resume, and at the gate do what a person would do."""
    release = driver.send("orders", Resumed())
    return release if release.ended else driver.send("orders", PromoteAsked(untested=True))


def abort(driver: Driver) -> Release:
    return driver.abort("orders", "on-call says no")


def assert_whole(world: World, release: Release) -> None:
    """Promoted, or byte for byte as before; the canary at 0, the rule gone unless it outlives the release."""
    assert release.ended, (release.phase, release.stuck)
    stable, canary = world.deployments["orders"], world.deployments["orders-canary"]
    promoted = release.outcome is Outcome.PROMOTED
    assert stable.image == (release.image if promoted else release.before)
    assert (canary.replicas, canary.pods) == (0, [])
    assert canary.image == (release.image if promoted else release.canary_before)
    text = world.published[-1][1][0].text
    assert ("gatewayctl-orders-canary" in text) is release.keeps_rule
    assert release.keeps_rule or text == ROUTES
    world.sleep(5.0)  # what is written reaches every replica, and the invariants still hold


def outcome_of_resume(stopped: Release) -> Outcome:
    """How a stopped release ends when it is resumed."""
    return Outcome.PROMOTED if stopped.outcome is Outcome.OPEN else stopped.outcome


def test_the_stored_journals_stop_in_every_phase_and_on_the_way_out_with_every_outcome() -> None:
    releases = [stop.data["journal"]["release"] for stop in FILES]
    found = {(one["phase"], one["outcome"]) for one in releases}

    assert {phase for phase, _ in found} == BEFORE_RAMPS
    for outcome in ("promoted", "rejected", "aborted"):
        assert {phase for phase, how in found if how == outcome} >= {"drain", "cool", "clear", "unroute", "done"}
    assert ("unroute", "failed") in found
    assert {one["mode"] for one in releases} == {mode.value for mode in Mode}
    assert any(one["standing"] and one["rule_was_there"] for one in releases)
    assert {one["phase"] for one in releases if one["stuck"]} == {"cool", "restore", "unroute"}
    assert any(one["target"]["fallback"] and one["target"]["canary_host"] for one in releases)
    assert all(one["neighbours"] and one["load"] and "schema" not in one for one in releases)
    assert {stop.data["config_map"]["metadata"]["labels"]["gatewayctl.dev/phase"] for stop in CONFIG_MAPS} == {
        *BEFORE_RAMPS
    }


def test_the_stored_journals_of_schema_2_stop_in_every_phase() -> None:
    records = [stop.data["journal"]["release"] for stop in SECOND]

    assert {one["release"]["phase"] for one in records} == BEFORE_RAMPS
    assert all(one["schema"] == 2 and "place" not in one["release"] for one in records)


def test_the_stored_journals_of_schema_3_stop_in_every_phase() -> None:
    records = [stop.data["journal"]["release"] for stop in THIRD]

    assert {one["release"]["phase"] for one in records} == BEFORE_RAMPS
    assert all(one["schema"] == 3 and "share" not in one["release"] for one in records)


def carry_on(stop: Stop, way_on: Callable[[Driver], Release], journal: Journal) -> Release | None:
    """Resume or abort a stopped release, and check that all is whole; None where it had ended, which is refused."""
    stopped, ended = load_release(journal), None
    world = stop.world(stopped)
    driver = a_driver(world, journal, stopped)
    if stopped.ended:
        with pytest.raises(UsageFault, match="has no release in progress"):
            way_on(driver)
    else:
        ended = way_on(driver)
    assert_whole(world, load_release(journal))
    return ended


@pytest.mark.parametrize("way_on", [resume, abort])
@pytest.mark.parametrize("stop", [*FILES, *SECOND, *THIRD], ids=str)
def test_a_release_in_a_file_of_an_earlier_version_ends_whole(stop, way_on, tmp_path):
    journal = file_journal(stop, tmp_path)
    stopped = load_release(journal)

    ended = carry_on(stop, way_on, journal)

    if ended:
        turned_back = way_on is abort and stopped.outcome in (Outcome.OPEN, Outcome.PROMOTED)
        assert ended.outcome is (Outcome.ABORTED if turned_back else outcome_of_resume(stopped))
    assert journal.history("orders")[0].id == stopped.id


@pytest.mark.parametrize("phase", ["warm", "route", "prove", "leaks", "smoke"])
def test_a_resumed_release_of_an_earlier_version_is_still_tested(phase, tmp_path):
    stop = Stop(GOLDEN / "stopped" / "promoted" / f"{phase}.json", 0)
    journal = file_journal(stop, tmp_path)
    stopped = load_release(journal)

    ended = resume(a_driver(stop.world(stopped), journal, stopped))

    passed = [note.phase for note in ended.notes if note.mark == "✓"]
    assert passed.count(Phase.SMOKE) == passed.count(Phase.LOAD) == 1


@pytest.mark.parametrize("way_on", [resume, abort])
@pytest.mark.parametrize("stop", CONFIG_MAPS, ids=str)
def test_a_release_in_a_config_map_of_an_earlier_version_ends_whole(stop, way_on, tmp_path):
    with cluster_journal(stop, tmp_path) as (journal, server):
        stopped = load_release(journal)

        carry_on(stop, way_on, journal)

        assert [one.id for one in journal.history("orders")] == [stopped.id]
        kept = server.objects[PATH]
        assert kept["metadata"]["labels"]["gatewayctl.dev/phase"] == "done"
        assert kept["data"]["gatewayctl.yaml"] == stop.data["config_map"]["data"]["gatewayctl.yaml"]


def test_the_configuration_kept_beside_an_earlier_release_is_still_read(tmp_path):
    with connect_to_fake(tmp_path) as (server, api):
        server.objects[PATH] = CONFIG_MAPS[0].data["config_map"]
        text = read_spec(api, "shop", "orders")

    spec = parse(text or "", tmp_path / "gatewayctl.yaml")

    assert sorted(spec.apps) == ["orders", "payments"]
    trial = spec.apps["orders"].trial
    assert (trial.timings.ready, trial.load and trial.load.slack) == (60.0, 0.025)


def test_every_field_of_an_earlier_release_is_where_it_is_today(tmp_path):
    stop = Stop(GOLDEN / "stopped" / "every-field" / "load.json", 0)

    release = load_release(file_journal(stop, tmp_path))

    assert release.trial.suite == Suite("smoke/orders", 12.5, 2)
    assert release.trial.load == Load("smoke/orders/locustfile.py", users=8, duration=8.5, samples=20, workers=2)
    assert release.trial.timings == Timings(15.5, 12.5, 3.5, 4500.0)
    assert (release.target.headers, release.target.fallback) == ((("x-tenant", "a"), ("x-tenant", "b")), True)
    assert [note.phase for note in release.notes] == ["warm", "route", "prove", "leaks", "smoke"]


def test_a_journal_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path):
    stop = FILES[0]
    journal = file_journal(stop, tmp_path)
    path = tmp_path / "journal" / "orders.json"
    entry = json.loads(path.read_text())
    entry["release"] = {"schema": SCHEMA + 1, "id": "r-1", "release": {"unheard": "of"}}
    path.write_text(json.dumps(entry))
    before = path.read_text()
    world = World()
    driver = a_driver(world, journal, plan_from(GOLDEN / "plan.json").release)

    for way_on in (resume, abort):
        with pytest.raises(EnvironmentFailed, match=r"orders\.json: written by a newer gatewayctl") as caught:
            way_on(driver)
        assert "use the version" in caught.value.hint

    assert path.read_text() == before
    assert (world.writes, world.log) == (0, [])


# -- a saved plan ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", PLANS, ids=lambda file: file.stem)
def test_a_plan_saved_by_an_earlier_version_is_carried_out(file):
    saved = plan_from(file)
    world = World()
    suites = AskingSuites(world, [saved.release])

    check_drift(ports(world, suites), saved)
    ended = Driver(ports(world, suites), Holder("ci", "host", 1, 0.0)).begin(saved.release)

    assert ended.outcome is Outcome.PROMOTED
    assert_whole(world, ended)


def test_a_plan_saved_by_an_earlier_version_is_refused_when_reality_has_drifted():
    saved = plan_from(GOLDEN / "plan.json")
    world = World()
    world.deployments["orders"].image = "shop/orders:1.0.1"

    with pytest.raises(Drifted, match=r"was shop/orders:1\.0, 2 replicas, is shop/orders:1\.0\.1"):
        check_drift(ports(world, AskingSuites(world, [])), saved)


def test_a_plan_of_a_newer_version_is_refused(tmp_path):
    file = tmp_path / "plan.json"
    shutil.copy(GOLDEN / "plan.json", file)
    plan = json.loads(file.read_text())
    file.write_text(json.dumps({**plan, "release": {"schema": SCHEMA + 1, "id": "r-1", "release": {}}}))

    with pytest.raises(UsageFault, match="written by a newer gatewayctl") as caught:
        plan_from(file)

    assert "use the version" in caught.value.hint
