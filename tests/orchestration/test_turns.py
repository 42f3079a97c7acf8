"""Fifty releases write one file: each gets its turn in the order in which they came (fault "fifty at once starve")."""

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

from gatewayctl.domain.errors import EnvironmentFailed, Superseded
from gatewayctl.domain.platform import Replica, UpstreamProof, Validation, VersionedFiles
from gatewayctl.domain.routing import Change, Files, SourceFile
from gatewayctl.domain.turns import TURN
from gatewayctl.orchestration.context import Fence, StepContext
from gatewayctl.orchestration.retries import retry_on_conflict
from gatewayctl.orchestration.routes import publish
from gatewayctl.ports import Turns
from tests.fakes.memory import MemoryTurns
from tests.fakes.shop import AskingSuites, a_release, ports
from tests.fakes.world import World
from tests.orchestration.crowd_of_writers import OneFile, SharedTime

CHECK = 4.0  # seconds of the product's own check on a machine that is busy with fifty of them
HANDOVER = 0.2  # seconds until the next one in line notices that it is its turn


class Crowd:
    """Releases of as many applications, each with a context of its own, that want to write one file."""

    def __init__(self, count: int, seconds: float = CHECK) -> None:
        self.clock = SharedTime()
        self.file = OneFile(self.clock, seconds)
        self.world = World()
        self.told: dict[str, list[str]] = {}
        self.turns: Turns = MemoryTurns(self.world, self.clock)
        self.contexts = [self._a_context(f"app-{number:02}") for number in range(count)]

    def _a_context(self, app: str) -> StepContext:
        suites = AskingSuites(self.world, [])
        release = replace(a_release(self.world, suites), id=f"r-{app}")
        told = self.told.setdefault(release.id, [])
        made = replace(ports(self.world, suites), clock=self.clock, turns=self.turns)
        return StepContext(made, release, Fence(lambda: None, lambda: None), told.append)

    def writing(self, context: StepContext) -> Callable[[], str]:
        return lambda: retry_on_conflict(context, self.file.attempt(context))


def test_of_fifty_releases_that_begin_together_each_writes_and_waits_only_for_those_before_it() -> None:
    crowd = Crowd(50)

    raised = crowd.clock.run({0.0: [crowd.writing(one) for one in crowd.contexts]})

    assert raised == []
    assert len(set(crowd.file.writers)) == 50
    assert max(crowd.file.lost.values()) == 1, "who has lost once stands in line"
    late = {
        name: crowd.file.written[name] - (before + 1) * (CHECK + HANDOVER)
        for before, name in enumerate(crowd.file.writers)
    }
    assert max(late.values()) <= 2 * CHECK, "none waits longer than the writes before it, and its own lost try"


def test_who_waits_is_told_its_place() -> None:
    crowd = Crowd(4)

    crowd.clock.run({0.0: [crowd.writing(one) for one in crowd.contexts]})

    last = list(dict.fromkeys(crowd.told[crowd.file.writers[-1]]))
    assert last[1:] == [
        "third in line to write the gateway's files",
        "second in line to write the gateway's files",
    ]


def test_who_comes_later_stands_behind_all_that_wait() -> None:
    """A stream of newcomers that try at once would take the turn from whoever is first, again and again."""
    crowd = Crowd(40, seconds=1.0)
    early, late = crowd.contexts[:10], crowd.contexts[10:]
    coming = {2.5 + 0.5 * number: [crowd.writing(one)] for number, one in enumerate(late)}

    raised = crowd.clock.run({0.0: [crowd.writing(one) for one in early], **coming})

    assert raised == []
    assert set(crowd.file.writers[:10]) == {one.release.id for one in early}
    assert crowd.file.writers[10:] == [one.release.id for one in late]
    assert max(crowd.file.lost.values()) == 1


def test_the_way_out_waits_only_for_the_writes_that_were_there_before_it() -> None:
    crowd = Crowd(21, seconds=1.0)
    leaving = crowd.contexts[-1]
    coming = {1.5 * number: [crowd.writing(one)] for number, one in enumerate(crowd.contexts[10:20], start=1)}
    start = 3.2

    crowd.clock.run(
        {0.0: [crowd.writing(one) for one in crowd.contexts[:10]], **coming, start: [crowd.writing(leaving)]}
    )

    asked_before = 12  # ten at once, and two that came before it
    assert crowd.file.writers.index(leaving.release.id) <= asked_before
    assert crowd.file.written[leaving.release.id] - start <= asked_before * (1.0 + HANDOVER) + 1.0


def test_one_alone_never_stands_in_line() -> None:
    crowd = Crowd(1)
    asked: list[str] = []

    class Noting(MemoryTurns):
        def place(self, app: str, release: str) -> int:
            asked.append(release)
            return super().place(app, release)

    context = replace(crowd.contexts[0], ports=replace(crowd.contexts[0].ports, turns=Noting(crowd.world, crowd.clock)))
    crowd.clock.run({0.0: [crowd.writing(context)]})

    assert crowd.file.writers == [context.release.id]
    assert asked == []


class Failing:
    """ports.Turns that cannot be asked."""

    def has_line(self) -> bool:
        raise EnvironmentFailed("forbidden")

    def place(self, app: str, release: str) -> int:
        raise EnvironmentFailed("forbidden")

    def leave(self, release: str) -> None:
        raise EnvironmentFailed("forbidden")


def test_where_turns_cannot_be_had_writers_try_again_by_chance() -> None:
    crowd = Crowd(5, seconds=0.2)
    alone = [replace(one, ports=replace(one.ports, turns=Failing())) for one in crowd.contexts]

    raised = crowd.clock.run({0.0: [crowd.writing(one) for one in alone]})

    assert raised == []
    assert len(set(crowd.file.writers)) == 5


class Frozen(Failing):
    """ports.Turns whose line never moves."""

    def has_line(self) -> bool:
        return True

    def place(self, app: str, release: str) -> int:
        return 18


def test_a_line_that_does_not_move_blocks_nobody() -> None:
    """It happened to 50 releases on a machine with a load of 50: "waited 120 s …; last seen: 18th in line"."""
    crowd = Crowd(5, seconds=0.2)
    stuck = [replace(one, ports=replace(one.ports, turns=Frozen())) for one in crowd.contexts]

    raised = crowd.clock.run({0.0: [crowd.writing(one) for one in stuck]})

    assert raised == []
    assert len(set(crowd.file.writers)) == 5


def test_a_process_that_died_in_line_is_passed_over_soon() -> None:
    crowd = Crowd(3, seconds=0.5)
    dead = MemoryTurns(crowd.world, crowd.clock)
    assert dead.place("gone", "r-gone") == 1

    raised = crowd.clock.run({0.0: [crowd.writing(one) for one in crowd.contexts]})

    assert raised == []
    assert max(crowd.file.written.values()) < TURN + 3 * (0.5 + HANDOVER) + 1.0


def test_who_is_stopped_while_it_waits_leaves_the_line() -> None:
    crowd = Crowd(2, seconds=1.0)
    other = MemoryTurns(crowd.world, crowd.clock)
    assert other.place("other", "r-other") == 1

    def stop(text: str) -> None:
        if "second in line" in text:
            raise Superseded("an abort took it over")

    context = replace(crowd.contexts[0], tick=stop)
    raised = crowd.clock.run({0.0: [crowd.writing(context)]})

    assert [type(fault) for fault in raised] == [Superseded]
    other.leave("r-other")
    assert not other.has_line()


def test_what_was_written_is_announced_when_the_turn_is_over() -> None:
    """Annotating every gateway Pod takes time, in which the next one can write already."""
    crowd = Crowd(1)
    context, said = crowd.contexts[0], list[str]()
    store, turns = context.ports.gateway.store, context.ports.turns

    def write() -> None:
        context.write((), store.read())
        said.append("written")

    context.ports.turns.place(context.release.app, context.release.id)

    with (
        patch.object(turns, "has_line", return_value=True),
        patch.object(turns, "leave", side_effect=lambda _: said.append("left")),
        patch.object(store, "announce", side_effect=lambda: said.append("announced")),
    ):
        retry_on_conflict(context, write)
        retry_on_conflict(context, lambda: None)

    assert said == ["written", "left", "announced", "left"], "what wrote nothing has nothing to announce"


def test_upstreams_are_announced_before_they_are_waited_for() -> None:
    """The gateway would look for the file with the canary's upstream only a minute later."""
    context, said = Crowd(1).contexts[0], list[str]()
    gateway, stored = context.ports.gateway, context.ports.gateway.store.read()
    clusters, routes = SourceFile("clusters.txt", ""), SourceFile("routes.txt", "")
    change = Change(((clusters,), (routes,)))

    def write(files: Files, expected: VersionedFiles) -> VersionedFiles:
        said.append(files[0].name)
        return expected

    def ask(_replica: Replica, _upstream: str) -> UpstreamProof:
        if said[-1] != "asked":  # there are several replicas
            said.append("asked")
        return UpstreamProof(asked=True, endpoints=1)

    with (
        patch("gatewayctl.orchestration.routes.wait_for_canary", return_value=None),
        patch.object(gateway.dialect, "insert", return_value=change),
        patch.object(gateway.checker, "check", return_value=Validation(ok=True, checked=True)),
        patch.object(gateway.store, "write", side_effect=write),
        patch.object(gateway.store, "read", return_value=stored),
        patch.object(gateway.store, "announce", side_effect=lambda: said.append("announced")),
        patch.object(gateway.readback, "upstream_ready", side_effect=ask),
    ):
        publish(context)

    assert said == ["clusters.txt", "announced", "asked", "routes.txt", "announced"]
