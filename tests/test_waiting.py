"""Waiting: one place does it, never without a pause, and it says what it saw last."""

import ast
from itertools import pairwise
from pathlib import Path

import pytest

from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed, Missing, Transient
from gatewayctl.waiting import Backoff, Deadline, InProportion, Pending, pause, until, until_or_fail

PACKAGE = Path(__file__).parents[1] / "gatewayctl"

SLEEPERS = {
    "waiting.py": "the one place that waits",
    "adapters/clock.py": "the machine's clock, which waiting calls",
    "adapters/sandbox/controller.py": "the sandbox's supervisor is asynchronous: nothing in it may block",
    "adapters/sandbox/gateway.py": "the same",
    "adapters/sandbox/pods.py": "the same",
    "child_process/distributed.py": "runs within locust's process, where only gevent may sleep",
    "child_process/load_pace.py": "the same",
    "locust_plugin.py": "the same",
    "adapters/smoke/process_reaper.py": "a program of its own that imports nothing of ours",
    "example/shop.py": "the example application: its slow answers are what it is for",
}


class FakeClock:
    """Time that passes only in sleep; remembers each sleep."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def ignore(_detail: str) -> None:
    """A tick that nobody looks at."""


def sleeps(path: Path) -> bool:
    """Whether a module calls something named sleep, of whatever library."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return any((getattr(one, "attr", "") or getattr(one, "id", "")) == "sleep" for one in calls)


def test_only_the_waiting_module_sleeps_and_each_exception_has_a_reason() -> None:
    found = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if sleeps(path)}

    assert found == set(SLEEPERS)


@pytest.mark.parametrize("every", [0.0, -1.0])
def test_a_wait_without_a_pause_between_two_looks_cannot_be_asked_for(every: float) -> None:
    with pytest.raises(ValueError, match="must pause between two looks"):
        Deadline(FakeClock(), ignore, 1.0, every)


@pytest.mark.parametrize(("first", "longest"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_backoff_without_a_pause_cannot_be_asked_for(first: float, longest: float) -> None:
    with pytest.raises(ValueError, match="must pause between two looks"):
        Backoff("seed", first, longest)


def test_a_pause_in_proportion_is_never_nothing() -> None:
    with pytest.raises(ValueError, match="must pause between two looks"):
        InProportion(0.0)


def test_looks_that_take_long_are_taken_less_often() -> None:
    clock = FakeClock()
    durations = [0.0, 0.01, 0.2, 30.0, 0.0]

    def look() -> bool | Pending:
        if not durations:
            return True
        clock.time += durations.pop(0)
        return Pending("not yet")

    until(look, "it", Deadline(clock, ignore, 100.0, InProportion(0.05)))

    assert clock.slept == pytest.approx([0.05, 0.05, 0.4, 1.0, 0.05])


def test_the_pauses_of_a_backoff_grow_to_the_longest_one_and_are_never_nothing() -> None:
    pauses = [Backoff("seed", 0.2, 5.0).pause(looks) for looks in range(1, 5000)]

    assert all(0.0 < one <= 5.0 for one in pauses)
    assert pauses[0] <= 0.2
    assert pauses[1] <= 0.4
    assert max(pauses) > 4.9


def test_the_first_answer_that_is_not_pending_ends_the_wait() -> None:
    clock, answers = FakeClock(), [Pending("no"), Pending("not yet"), "yes"]

    assert until(lambda: answers.pop(0), "an answer", Deadline(clock, ignore, 10.0, 0.5)) == "yes"
    assert clock.slept == [0.5, 0.5]


def test_a_wait_that_ends_in_vain_says_what_was_seen_last_and_what_to_try() -> None:
    clock, seen = FakeClock(), []

    with pytest.raises(DeadlineExceeded, match="waited 1 s for an answer; last seen: not yet") as found:
        until(lambda: Pending("not yet"), "an answer", Deadline(clock, seen.append, 1.0, 0.4, hint="ask again"))

    assert found.value.hint == "ask again"
    assert clock.time == pytest.approx(1.0)
    assert seen == ["not yet"] * 4


def test_what_is_unreachable_is_asked_again() -> None:
    tries = []

    def look() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise Transient("connection refused")
        return "reached"

    assert until(look, "an answer", Deadline(FakeClock(), ignore, 10.0)) == "reached"


@pytest.mark.parametrize(
    "fault", [Missing("taken away"), DeadlineExceeded(1.0, "another wait"), EnvironmentFailed("forbidden")]
)
def test_what_waiting_does_not_bring_back_ends_the_wait(fault: EnvironmentFailed) -> None:
    def look() -> str:
        raise fault

    clock = FakeClock()
    with pytest.raises(type(fault)):
        until(look, "an answer", Deadline(clock, ignore, 10.0))
    assert not clock.slept


def test_time_in_which_nothing_can_be_seen_does_not_count():
    clock = FakeClock()

    def look() -> str | Pending:
        if 2.0 <= clock.time < 8.0:
            raise Transient("connection refused")
        return "done" if clock.time >= 14.0 else Pending("it runs")

    assert until(look, "the end", Deadline(clock, ignore, 10.0, 0.5)) == "done"


def test_what_could_not_be_seen_at_all_is_no_failure_of_what_was_waited_for():
    def look() -> str:
        raise Transient("connection refused")

    clock = FakeClock()
    with pytest.raises(Transient, match="10 s for the end, and could not look: connection refused") as found:
        until(look, "the end", Deadline(clock, ignore, 10.0, 0.5))
    assert found.value.lasted == pytest.approx(10.0)


def test_where_the_first_fault_counts_nothing_is_asked_again() -> None:
    def look() -> str:
        raise EnvironmentFailed("forbidden")

    clock = FakeClock()
    with pytest.raises(EnvironmentFailed, match="forbidden"):
        until_or_fail(look, "an answer", Deadline(clock, ignore, 10.0))
    assert not clock.slept


def test_between_rare_looks_the_tick_goes_on() -> None:
    clock, ticks, looks = FakeClock(), [], []

    def look() -> str | Pending:
        looks.append(clock.time)
        return "done" if clock.time >= 2.0 else Pending("it runs")

    until(look, "the end", Deadline(clock, lambda _: ticks.append(clock.time), 10.0, 1.0, tick_every=0.25))

    assert looks == [0.0, 1.0, 2.0]
    assert all(after - before <= 0.25 for before, after in pairwise(ticks))


def test_a_tick_that_raises_ends_a_pause() -> None:
    clock = FakeClock()

    def tick() -> None:
        if clock.time >= 1.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pause(5.0, clock, tick, 0.5)
    assert clock.time == 1.0
