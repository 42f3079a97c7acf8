"""The leak matrix while gateway replicas come and go: what ends is no leak, what stays silent is a fault."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from gatewayctl.domain.errors import Transient
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.platform import Probe, Replica
from gatewayctl.orchestration.context import Fence, StepContext
from gatewayctl.orchestration.proof.leaks import prove_no_leak
from tests.fakes.memory import MemoryGateway
from tests.fakes.shop import AskingSuites, a_release, ports
from tests.fakes.world import Deployment, Pod, World


@dataclass
class ScriptedGateway(MemoryGateway):
    """A gateway in which something `happens` at request `at`; the canary answers the requests `leaks`, wrongly,
    and a proxy that names nobody the requests `nobody`.

    `lists` says whether a replica is listed: a list may be behind.
    """

    world: World
    at: int = 0
    happens: Callable[[World], None] = lambda _: None
    leaks: tuple[int, ...] = ()
    nobody: tuple[int, ...] = ()
    lists: Callable[[Replica], bool] = lambda _: True
    names: list[str] = field(default_factory=list)
    hangs: Callable[[Replica, Probe], bool] = lambda *_: False

    def list(self) -> tuple[Replica, ...]:
        return tuple(replica for replica in super().list() if self.lists(replica))

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        self.names.append(replica.name)
        if len(self.names) == self.at:
            self.happens(self.world)
        if self.hangs(replica, probe):
            return Answer(0, {}, error="no answer within 5 s")
        if len(self.names) in self.leaks:
            return Answer(200, {"x-served-by": "orders-canary-00001"})
        return Answer(502, {}) if len(self.names) in self.nobody else super().ask(replica, probe)


def a_context(gateway: ScriptedGateway) -> StepContext:
    """A release that is routed."""
    world, suites = gateway.world, AskingSuites(gateway.world, [])
    wired = ports(world, suites)
    wired = replace(wired, gateway=replace(wired.gateway, prober=gateway, replicas=gateway))
    release = a_release(world, suites)
    world.deployments["orders-canary"] = Deployment(
        release.image, 1, pods=[Pod("orders-canary-00001", release.image, -9.0)]
    )
    files = world.published[-1][1]
    world.published.append((-9.0, wired.gateway.dialect.insert(files, release.rule).apply(files)))
    return StepContext(wired, release, Fence(lambda: None, lambda: None), lambda _: None)


@pytest.mark.parametrize("at", [1, 3, 12])
def test_a_replica_that_vanishes_while_it_is_asked_is_no_leak(at: int) -> None:
    gateway = ScriptedGateway(World(), at, lambda world: world.gone.add("gw-0"))

    found = prove_no_leak(a_context(gateway))

    assert (found.verdict, found.text.partition(" in ")[0]) == (Verdict.PASS, "0")
    assert "gw-1" in gateway.names


def test_a_replica_that_leaves_the_list_a_little_after_it_broke_off_is_no_leak() -> None:
    world = World()
    gateway = ScriptedGateway(
        world, 3, lambda world: world.down.add("gw-0"), lists=lambda one: one.ready or world.time < 2.0
    )

    assert prove_no_leak(a_context(gateway)).verdict is Verdict.PASS
    assert world.time >= 2.0


def test_a_replica_that_stays_and_does_not_answer_is_no_leak_and_no_proof() -> None:
    gateway = ScriptedGateway(World(), 3, lambda world: world.down.add("gw-0"))

    with pytest.raises(Transient, match="first: gw-0, no header: no answer: connection refused"):
        prove_no_leak(a_context(gateway))


def test_an_answer_that_nobody_gave_is_asked_again() -> None:
    """A stable Pod that ends at that moment: one 503 to one of 40 probes ended the release."""
    world = World()
    gateway = ScriptedGateway(world, nobody=(2, 5))

    found = prove_no_leak(a_context(gateway))

    assert (found.verdict, found.text) == (Verdict.PASS, f"0 in {len(gateway.names)} probes")
    assert world.time < 2.0


def test_an_answer_that_nobody_gives_for_long_is_no_leak_and_no_proof() -> None:
    world = World()
    gateway = ScriptedGateway(world, nobody=tuple(range(2, 10_000)))

    found = prove_no_leak(a_context(gateway))

    assert found.verdict is Verdict.INCONCLUSIVE
    assert "gw-0, no header: HTTP 502" in found.text
    assert 5.0 <= world.time <= 20.0


def test_a_leak_is_final_also_when_an_unclear_probe_is_asked_again() -> None:
    first = ScriptedGateway(World())
    prove_no_leak(a_context(first))
    again = len(first.names) + 1
    world = World()

    found = prove_no_leak(a_context(ScriptedGateway(world, nobody=(2,), leaks=(again,))))

    assert found.verdict is Verdict.FAIL
    assert found.text.startswith(f"1 leaks in {again} probes; first: gw-0, no header")


def test_nothing_is_asked_again_once_there_is_a_leak() -> None:
    first = ScriptedGateway(World())
    prove_no_leak(a_context(first))
    gateway = ScriptedGateway(World(), nobody=(2,), leaks=(5,))

    assert prove_no_leak(a_context(gateway)).verdict is Verdict.FAIL
    assert len(gateway.names) == len(first.names)


def test_what_was_unclear_of_a_replica_that_has_gone_proves_nothing_and_fails_nothing() -> None:
    gateway = ScriptedGateway(World(), 40, lambda world: world.gone.add("gw-0"), nobody=(2,))

    assert prove_no_leak(a_context(gateway)).verdict is Verdict.PASS
    assert gateway.names.count("gw-0") < len(gateway.names)


def test_an_answer_of_the_canary_counts_although_its_replica_has_gone() -> None:
    gateway = ScriptedGateway(World(), 3, lambda world: world.gone.add("gw-0"), leaks=(1,))

    found = prove_no_leak(a_context(gateway))

    assert found.verdict is Verdict.FAIL
    assert found.text.startswith("1 leaks")


def test_a_replica_that_comes_meanwhile_is_asked_too() -> None:
    def comes(world: World) -> None:
        world.lags = (*world.lags, 0.5)

    gateway = ScriptedGateway(World(), 30, comes)

    assert prove_no_leak(a_context(gateway)).verdict is Verdict.PASS
    assert set(gateway.names) == {"gw-0", "gw-1", "gw-2"}


def test_a_neighbour_that_hangs_on_its_own_is_named_as_not_proven() -> None:
    gateway = ScriptedGateway(World(), hangs=lambda _, probe: probe.path == "/api/payments")

    found = prove_no_leak(a_context(gateway))

    assert found.verdict is Verdict.PASS
    assert found.text.endswith(" probes; not proven: neighbour payments (no answer within 5 s)")


def test_a_neighbour_that_does_not_answer_only_marked_requests_is_no_proof() -> None:
    gateway = ScriptedGateway(World(), hangs=lambda _, probe: probe.path == "/api/payments" and bool(probe.headers))

    with pytest.raises(Transient, match="first: gw-0, neighbour payments: no answer"):
        prove_no_leak(a_context(gateway))


def test_a_replica_that_is_silent_from_a_neighbour_on_is_no_proof() -> None:
    """Its neighbour is no gap: the replica answers nobody."""
    ended: set[str] = set()

    def hangs(replica: Replica, probe: Probe) -> bool:
        if probe.path == "/api/payments":
            ended.add(replica.name)
        return replica.name in ended

    with pytest.raises(Transient, match="neighbour payments: no answer"):
        prove_no_leak(a_context(ScriptedGateway(World(), hangs=hangs)))
