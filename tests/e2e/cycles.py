"""The rule on and off under load, by the pilot itself, and what the traffic is owed at each moment of it."""

import sys

import pytest

from gatewayctl.domain.release import Mode, Outcome, Phase
from gatewayctl.wiring.discovery import wire
from tests.e2e.shop_cluster import ShopCluster
from tests.e2e.traffic import CANARY, EITHER, STABLE, Kind, Once, Owed, Traffic


class PromiseListener:
    """A narrator that tells the traffic what a release has just said: routed, or cleared."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic

    def started(self, step: str) -> None:
        """While the rule is on its way in or out, either may answer."""
        self.traffic.phase = step
        if step in (Phase.ROUTE, Phase.UNROUTE):
            self.traffic.owed = Owed(self.traffic.owed.mark, EITHER)

    def progress(self, step: str, text: str) -> None:
        """Nothing is promised."""

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        """What was proven is owed from now on."""
        said = {Phase.PROVE: CANARY, Phase.CLEAR: STABLE}.get(Phase(step))
        if said and mark == "✓":
            self.traffic.owed = Owed(self.traffic.owed.mark, frozenset({said}))


def cycle(cluster: ShopCluster, traffic: Traffic) -> str:
    """The rule goes on and off again, with its canary; the mark of that release."""
    session = wire(cluster.config, PromiseListener(traffic))
    made = session.draft("orders", "shop/orders:1.1", Mode.STAGED)
    traffic.owed = Owed(made.header.value, frozenset({STABLE}))
    routed = session.driver.begin(made)
    assert routed.phase is Phase.WAIT, routed.reason
    ended = session.driver.abort("orders", "off again")
    assert (ended.outcome, ended.stuck) == (Outcome.ABORTED, "")
    return made.header.value


def assert_held_under_load(cluster: ShopCluster, cycles: int, rate: float, capsys: pytest.CaptureFixture[str]) -> None:
    """Fails unless every request, each on a connection of its own, is answered by whom it is owed to."""
    traffic = Traffic(cluster.entrances(), rate, Once)
    traffic.start()
    try:
        marks = [cycle(cluster, traffic) for _ in range(cycles)]
    finally:
        traffic.stop()

    strictly = [traffic.counts[f"strictly the canary's, {mark}"] for mark in marks]
    with capsys.disabled():
        said = f"\n{cycles} cycles: {traffic.requests} requests, {traffic.faulty} misrouted or failed; {strictly}\n"
        sys.stdout.write(said)
    assert traffic.faulty == 0, "\n".join(traffic.faults)
    assert min(strictly) > 0
    assert traffic.counts[f"{Kind.UNMARKED}: {CANARY}"] == 0
