"""The journal's ConfigMap: what a save costs, what people find in it, and what lost answers do to it."""

import json
import time
from dataclasses import dataclass, replace

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.paths import config_maps
from gatewayctl.adapters.kubernetes.state.journal import KubernetesJournal, list_specs, read_spec
from gatewayctl.domain.errors import EnvironmentFailed, StaleWrite, UsageFault
from gatewayctl.domain.release import Note, Outcome, Phase
from tests.adapters.kubernetes.fake_api.http import Reply
from tests.adapters.kubernetes.fake_api.server import FakeApiServer
from tests.contract.releases import a_release, ended

PATH = config_maps("shop", "gatewayctl-orders")


@dataclass
class Place:
    server: FakeApiServer
    api: Api

    def journal(self, spec: str = "", keep: int = 10) -> KubernetesJournal:
        return KubernetesJournal(self.api, "shop", spec, keep)

    @property
    def kept(self) -> Object:
        return self.server.objects[PATH]


@pytest.fixture
def place(server: FakeApiServer, api: Api) -> Place:
    return Place(server, api)


def test_a_release_costs_one_request_per_save_and_per_look(place: Place) -> None:
    journal = place.journal()
    first = journal.save("orders", a_release(), 0)
    second = journal.save("orders", a_release().at(Phase.LOAD), first.version)
    journal.load("orders")
    journal.save("orders", ended(a_release()), second.version)

    assert place.server.verbs() == ["POST", "PUT", "GET", "PUT"]


def test_people_find_app_phase_and_outcome_as_labels(place: Place) -> None:
    journal = place.journal()
    version = journal.save("orders", a_release(), 0).version
    journal.save("orders", ended(a_release()), version)

    assert place.kept["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "gatewayctl",
        "gatewayctl.dev/app": "orders",
        "gatewayctl.dev/phase": Phase.DONE.value,
        "gatewayctl.dev/outcome": Outcome.PROMOTED.value,
    }


def test_what_people_add_to_the_object_stays(place: Place) -> None:
    journal = place.journal()
    version = journal.save("orders", a_release(), 0).version

    def annotate(found: Object) -> None:
        found["metadata"]["annotations"] = {"team": "shop"}
        found["metadata"]["labels"]["tier"] = "one"
        found["data"]["notes.txt"] = "call Zoë"

    place.server.edit(PATH, annotate)
    journal.save("orders", a_release().at(Phase.LOAD), version)

    assert place.kept["metadata"]["annotations"] == {"team": "shop"}
    assert place.kept["metadata"]["labels"]["tier"] == "one"
    assert place.kept["data"]["notes.txt"] == "call Zoë"
    assert place.kept["data"]["version"] == "2"


def test_an_edit_that_is_no_release_does_not_end_one(place: Place) -> None:
    journal = place.journal()
    version = journal.save("orders", a_release(), 0).version
    place.server.edit(PATH, lambda found: found["metadata"].update(annotations={"a": "b"}))
    place.server.verbs()

    saved = journal.save("orders", a_release().at(Phase.LOAD), version)

    assert saved.version == version + 1
    assert place.server.verbs() == ["PUT", "GET", "PUT"]


@pytest.mark.parametrize("fault", ["lose", "drop"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_save_without_an_answer_is_saved_once(place: Place, fault: str, begun: bool) -> None:
    journal = place.journal()
    version = journal.save("orders", a_release(), 0).version if begun else 0
    setattr(place.server, fault, 1)

    saved = journal.save("orders", a_release().at(Phase.LOAD), version)

    assert saved.version == version + 1
    assert place.journal().load("orders") == saved
    assert journal.save("orders", a_release().at(Phase.WAIT), saved.version).version == version + 2


def test_a_save_without_an_answer_is_stale_when_someone_else_wrote_since(place: Place) -> None:
    journal, other = place.journal(), place.journal()
    version = journal.save("orders", a_release(), 0).version
    theirs = other.save("orders", a_release(2), version)
    place.server.drop = 1

    with pytest.raises(StaleWrite, match="expected version 1, found 2"):
        journal.save("orders", a_release(), version)

    assert other.load("orders") == theirs


def test_a_journal_that_was_deleted_meanwhile_is_a_stale_write(place: Place) -> None:
    journal = place.journal()
    version = journal.save("orders", a_release(), 0).version
    del place.server.objects[PATH]

    with pytest.raises(StaleWrite, match="found 0"):
        journal.save("orders", a_release(), version)


def test_a_save_that_never_gets_through_gives_up(place: Place) -> None:
    place.server.drop = 100

    with pytest.raises(EnvironmentFailed, match="could not be written"):
        place.journal().save("orders", a_release(), 0)

    assert place.server.verbs().count("POST") < 10


def test_the_configuration_is_stored_when_a_release_begins_and_stays_whoever_acts_on_it(place: Place) -> None:
    """p08: an abort from another directory replaced it, and nobody could act on the release any more."""
    version = place.journal("apps: {orders: é}\n").save("orders", a_release(), 0).version

    for writer in ("", "of: somebody who resumes\n"):
        version = place.journal(writer).save("orders", a_release().at(Phase.LOAD), version).version
        assert read_spec(place.api, "shop", "orders") == "apps: {orders: é}\n"
    version = place.journal("of: somebody who aborts\n").save("orders", ended(a_release()), version).version
    assert read_spec(place.api, "shop", "orders") == "apps: {orders: é}\n"

    place.journal("new: 1\n").save("orders", a_release(2), version)
    assert read_spec(place.api, "shop", "orders") == "new: 1\n"
    assert read_spec(place.api, "shop", "payments") is None


def test_a_release_that_begins_without_an_answer_keeps_its_configuration(place: Place) -> None:
    version = place.journal("old: 1\n").save("orders", ended(a_release()), 0).version
    place.server.lose = 1

    place.journal("new: 1\n").save("orders", a_release(2), version)

    assert read_spec(place.api, "shop", "orders") == "new: 1\n"


def test_the_configurations_of_applications_are_found_by_label_in_order(place: Place) -> None:
    for app in ("payments", "orders"):
        place.journal(f"of: {app}\n").save(app, a_release(1, app), 0)
    place.journal().save("mails", a_release(1, "mails"), 0)
    stranger = {"metadata": {"name": "gatewayctl-x", "labels": {"gatewayctl.dev/app": "x"}}, "data": {"version": "1"}}
    place.api.create(config_maps("shop"), stranger)

    found = list_specs(place.api, "shop")
    assert list(found.items()) == [("orders", "of: orders\n"), ("payments", "of: payments\n")]
    assert list_specs(place.api, "elsewhere") == {}


def test_the_largest_release_that_may_begin_can_be_written_whatever_happens_to_it(place: Place) -> None:
    """The case k10: a journal that the API server refuses can be written by no abort either."""
    journal = place.journal()
    target = replace(a_release().target, headers=(("x", "h" * 1000),))
    release = replace(a_release(), notes=(), neighbours=(target,) * 290)
    version = journal.save("orders", release, 0).version
    for number in range(150):
        word = f"{number} " + '"' * 900_000
        note = Note(Phase.COOL, "✗", word, 1e9, 120.0, word)
        release = replace(release.with_note(note), reason=word, stuck=word, phase=Phase.COOL)

    version = journal.save("orders", release, version).version
    journal.save("orders", replace(release, phase=Phase.DONE, stuck=""), version)

    assert sum(len(text.encode()) for text in place.kept["data"].values()) < 1_000_000


def test_a_release_that_its_journal_cannot_hold_does_not_begin(place: Place) -> None:
    release = replace(a_release(), notes=(), neighbours=(a_release().target,) * 2000)

    with pytest.raises(UsageFault, match=r"too large for its journal: \d+ bytes with 2000 neighbours"):
        place.journal().save("orders", release, 0)

    assert PATH not in place.server.objects


def test_history_is_pruned_so_that_the_object_stays_small_enough(place: Place) -> None:
    journal, version = place.journal(keep=50), 0
    long = replace(a_release().target, path="é" * 30_000)
    for number in range(20):
        one = replace(ended(a_release(number)), neighbours=(long,))
        version = journal.save("orders", one, version).version

    ids = [one.id for one in journal.history("orders")]
    size = sum(len(text.encode()) for text in place.kept["data"].values())

    assert 600_000 < size < 700_000
    assert ids == [a_release(number).id for number in range(19, 19 - len(ids), -1)]
    assert 5 < len(ids) < 20


def test_the_history_is_as_it_was_while_a_release_is_open_and_has_no_more_than_it_may(place: Place) -> None:
    journal, version = place.journal(), 0
    for number in range(3):
        version = journal.save("orders", ended(a_release(number)), version).version
    before = place.kept["data"]["history"]

    version = journal.save("orders", a_release(3), version).version
    assert place.kept["data"]["history"] == before

    fewer = place.journal(keep=2)
    version = fewer.save("orders", a_release(3), version).version
    assert [one.id for one in fewer.history("orders")] == [a_release(number).id for number in (2, 1)]

    fewer.save("orders", a_release(2), version)
    assert [one.id for one in fewer.history("orders")] == [a_release(1).id]


@pytest.mark.parametrize("version", ["", "0", "-1", "x", "1.0", "9" * 40, "²"])
def test_an_object_that_is_no_journal_is_neither_read_nor_written(place: Place, version: str) -> None:
    stranger = {"metadata": {"name": "gatewayctl-orders"}, "data": {"version": version}}
    place.api.create(config_maps("shop"), stranger)

    with pytest.raises(EnvironmentFailed, match="not a journal"):
        place.journal().load("orders")
    with pytest.raises(EnvironmentFailed, match="not a journal"):
        place.journal().save("orders", a_release(), 0)

    assert place.kept["data"] == {"version": version}


@pytest.mark.parametrize("key", ["release", "history"])
@pytest.mark.parametrize("text", ["{", "[1]", "{}", "null"])
def test_a_damaged_journal_is_a_fault_that_names_the_object(place: Place, key: str, text: str) -> None:
    journal = place.journal()
    journal.save("orders", a_release(), 0)
    place.server.edit(PATH, lambda found: found["data"].update({key: text}))

    with pytest.raises(EnvironmentFailed, match="gatewayctl-orders"):
        journal.load("orders") if key == "release" else journal.history("orders")


def test_the_stored_release_is_json_that_others_can_read(place: Place) -> None:
    place.journal().save("orders", ended(a_release()), 0)

    assert json.loads(place.kept["data"]["release"])["id"] == a_release().id
    assert [one["id"] for one in json.loads(place.kept["data"]["history"])] == [a_release().id]


@pytest.mark.parametrize("watch", [Reply(silent=True), Reply(mute=True)], ids=["silent", "mute"])
def test_an_abort_is_heard_in_time_by_a_process_whose_watch_says_nothing(place: Place, watch: Reply) -> None:
    """k08: the driver of a release believed a silent watch for 185 s, and the load went on."""
    place.server.watch = watch
    driver, aborter = KubernetesJournal(place.api, "shop", staleness=0.3), place.journal()
    version = driver.save("orders", a_release(), 0).version
    for _ in range(3):
        assert not driver.has_moved("orders", version)

    aborter.save("orders", a_release().at(Phase.UNROUTE), version)

    deadline = time.monotonic() + 20
    while not driver.has_moved("orders", version):
        assert time.monotonic() < deadline, "waited 20 s for the abort to be heard"
        time.sleep(0.01)


def test_what_was_known_for_longer_than_allowed_is_asked_for_at_the_first_look(place: Place) -> None:
    driver, aborter = KubernetesJournal(place.api, "shop", staleness=0.0), place.journal()
    version = driver.save("orders", a_release(), 0).version

    aborter.save("orders", a_release().at(Phase.UNROUTE), version)

    assert driver.has_moved("orders", version)
