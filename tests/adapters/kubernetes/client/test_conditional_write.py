"""The one policy of conditional writes, on an object that others change, and that loses answers."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from gatewayctl.adapters.kubernetes.client.api import ApiFault, NotFound, UnknownOutcome, VersionConflict
from gatewayctl.adapters.kubernetes.client.conditional_write import (
    ATTEMPTS,
    UNANSWERED,
    ConditionalWrite,
    OvertakenWrite,
    write_conditionally,
)
from gatewayctl.domain.errors import StaleWrite, Transient
from tests.fakes.world import World


@dataclass(frozen=True)
class State:
    """One state of the object: its version, what the write depends on, what others may change, and the last nonce."""

    version: int = 1
    text: str = "old"
    status: int = 0
    nonce: str = ""


@dataclass
class Store:
    """Keeps one object; `before` is done ahead of the next writes, and `fates` says how each of them ends."""

    now: State = field(default_factory=State)
    before: Callable[["Store"], None] = lambda _: None
    fates: list[str] = field(default_factory=list)
    writes: int = 0
    reads: int = 0
    clock: World = field(default_factory=World)

    def change(self, **values: object) -> None:
        self.now = replace(self.now, version=self.now.version + 1, **values)

    def read(self) -> State:
        self.reads += 1
        return self.now

    def send(self, state: State) -> State:
        self.writes += 1
        self.before(self)
        fate = self.fates.pop(0) if self.fates else ""
        if fate == "gone":
            raise NotFound(404, "not found")
        if fate == "invalid":
            raise ApiFault(422, "spec is invalid")
        if fate == "dropped":
            raise UnknownOutcome(0, "no answer")
        if state.version != self.now.version:
            raise VersionConflict(409, "the object has been modified")
        self.change(text="new", nonce="ours")
        if fate == "done":
            raise UnknownOutcome(0, "no answer")
        return self.now


def write(store: Store, start: State | None = None) -> State:
    """Write "new" in place of "old"."""

    def verify(state: State) -> None:
        if state.text != "old":
            raise StaleWrite(f"the object says {state.text}")

    how = ConditionalWrite(
        "the object",
        store.send,
        store.read,
        is_done_in=lambda state: state.nonce == "ours",
        verify=verify,
        clock=store.clock,
    )
    return write_conditionally(how, start or store.now)


def test_a_write_that_nobody_disturbs_is_one_request():
    store = Store()

    assert write(store) == State(2, "new", 0, "ours")
    assert (store.writes, store.reads) == (1, 0)


def test_a_conflict_about_something_else_is_read_and_written_again():
    store = Store(before=lambda store: store.writes < 3 and store.change(status=store.writes))

    written = write(store)

    assert (written.text, written.status) == ("new", 2)
    assert (store.writes, store.reads) == (3, 2)


def test_what_was_read_too_long_ago_is_written_once_it_has_been_read_again():
    store = Store(State(version=7))

    assert write(store, State(version=3)).version == 8


def test_a_write_that_begins_on_a_stale_state_is_not_sent():
    store = Store(State(text="theirs"))

    with pytest.raises(StaleWrite, match="theirs"):
        write(store)

    assert store.writes == 0


@pytest.mark.parametrize("fate", ["", "dropped"])
def test_a_change_of_what_the_write_was_decided_on_is_stale_and_stays(fate):
    store = Store(before=lambda store: store.change(text="theirs"), fates=[fate])

    with pytest.raises(StaleWrite, match="theirs"):
        write(store)

    assert (store.now.text, store.writes) == ("theirs", 1)


@pytest.mark.parametrize(("fates", "writes"), [(["done"], 1), (["dropped"], 2), (["dropped", "dropped", "done"], 3)])
def test_a_write_whose_answer_was_lost_happens_exactly_once(fates, writes):
    store = Store(fates=fates)

    assert write(store) == State(2, "new", 0, "ours")
    assert store.writes == writes


def test_an_answer_lost_at_the_last_attempt_is_recognised_too():
    store = Store(fates=["dropped"] * (UNANSWERED - 1) + ["done"])

    assert write(store).nonce == "ours"


def test_others_may_come_first_in_all_attempts_but_the_last():
    store = Store(before=lambda store: store.writes < ATTEMPTS and store.change(status=store.writes))

    assert write(store).text == "new"
    assert store.writes == ATTEMPTS


def test_a_write_that_others_always_come_before_is_given_up():
    store = Store(before=lambda store: store.change(status=store.writes))

    with pytest.raises(OvertakenWrite, match=f"the object could not be written in {ATTEMPTS} attempts"):
        write(store)

    assert (store.now.text, store.writes) == ("old", ATTEMPTS)


def test_a_write_that_never_gets_an_answer_is_given_up_sooner_and_may_have_happened():
    store = Store(fates=["dropped"] * 99)

    with pytest.raises(UnknownOutcome, match="the object could not be written"):
        write(store)

    assert store.writes == UNANSWERED < ATTEMPTS


@pytest.mark.parametrize("fates", [["dropped"] * 99, []])
def test_between_two_attempts_is_a_pause_that_grows(fates):
    """p25, s19: a server in trouble got thousands of requests a second."""
    store = Store(before=lambda store: store.change(status=store.writes), fates=fates)

    with pytest.raises(Transient):
        write(store)

    assert store.clock.time > 0.02 * store.writes
    assert store.writes + store.reads < 25


def test_a_server_that_takes_long_for_each_attempt_does_not_outlast_a_lease():
    store = Store(before=lambda store: store.clock.sleep(15.0), fates=["dropped"] * 99)

    with pytest.raises(UnknownOutcome):
        write(store)

    assert store.clock.time < 35.0


def test_an_object_that_is_gone_is_read_again_and_checked():
    store = Store(fates=["gone"])
    store.read = lambda: State(text="made anew")  # type: ignore[method-assign]

    with pytest.raises(StaleWrite, match="made anew"):
        write(store)


def test_what_the_server_refuses_is_neither_read_nor_sent_again():
    store = Store(fates=["invalid"])

    with pytest.raises(ApiFault, match="spec is invalid"):
        write(store)

    assert (store.writes, store.reads) == (1, 0)
