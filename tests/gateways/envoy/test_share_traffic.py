"""Shares on real Envoys: two replicas of one configuration, two versions, many requests."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.envoy.product import PRODUCT
from gatewayctl.gateways.envoy.readback import EnvoyReadback
from tests.gateways.envoy.running import NET, RunningEnvoy, publish_stages, running_envoy, static_cluster
from tests.gateways.envoy.samples import ORDERS, a_rule, rds
from tests.gateways.loopback import free_port, until
from tests.gateways.many_requests import CountingUpstream, count_answers, fits

pytestmark = pytest.mark.sandbox

DIALECT = PRODUCT.dialect
MARK = "x-canary: always"
RETRYING = (
    "    - match: { prefix: /retried }\n"
    "      route:\n        cluster: orders\n"
    '        retry_policy: { retry_on: "5xx", num_retries: 2, retry_back_off: { base_interval: 0.001s } }\n'
)
STABLE, CANARY = (200, "stable"), (200, "canary")


@dataclass
class Pair:
    """Two replicas of one gateway that publish the same files, and both versions."""

    replicas: tuple[RunningEnvoy, RunningEnvoy]
    stable: CountingUpstream
    canary: CountingUpstream
    files: tuple[SourceFile, ...]
    routes: int = field(default=2)  # of stable

    def publish(self, share: int) -> None:
        """Send `share` percent of the unmarked requests to the canary; return when both replicas are proven to."""
        rule = a_rule(canary_host=self.canary.host, share=share)
        change = DIALECT.insert(self.files, rule)
        for one in self.replicas:
            changed = publish_stages(one, self.files, change, rule.canary)
        self.files = changed
        for one in self.replicas:
            until(lambda one=one: self._is_proven(one, rule), f"{share} % on {one.port}")

    def _is_proven(self, one: RunningEnvoy, rule) -> bool:
        proof = EnvoyReadback(one.admin).rule_of(one.replica, rule)
        wanted = self.routes if rule.share else 0
        return (proof.routes, proof.shares, proof.mismatched) == (self.routes, wanted, 0)


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Iterator[Pair]:
    port = free_port(f"{NET}.1")
    stable, canary = CountingUpstream("stable", f"{NET}.1", port), CountingUpstream("canary", f"{NET}.2", port)
    files = (SourceFile("rds.yaml", rds(RETRYING + ORDERS)), static_cluster("orders", stable.host, port))
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    with running_envoy(one, files) as first, running_envoy(other, files) as second:
        yield Pair((first, second), stable, canary, files)
    stable.stop()
    canary.stop()


def ask(one: RunningEnvoy, number: int, *headers: str, path: str = "/") -> Counter[tuple[int, str]]:
    return count_answers(f"{one.host}:{one.port}", number, *headers, path=path)


@pytest.mark.shows("envoy", "share")
@pytest.mark.parametrize("share", [1, 10, 50, 100])
def test_each_replica_sends_the_share_that_was_asked_and_every_marked_request(pair, share):
    pair.publish(share)

    seen = [ask(one, 3000) for one in pair.replicas]
    marked = [ask(one, 100, MARK) for one in pair.replicas]

    for counts in (*seen, seen[0] + seen[1]):
        assert set(counts) <= {STABLE, CANARY}
        assert fits(share / 100, counts[CANARY], counts.total()), counts
    assert marked == [{CANARY: 100}, {CANARY: 100}]


def test_no_share_sends_nothing(pair):
    pair.publish(50)
    pair.publish(0)

    assert [ask(one, 1000) for one in pair.replicas] == [{STABLE: 1000}, {STABLE: 1000}]
    assert [ask(one, 100, MARK) for one in pair.replicas] == [{CANARY: 100}, {CANARY: 100}]


@contextmanager
def steady_requests(pair: Pair, *headers: str) -> Iterator[Counter[tuple[int, str]]]:
    """Counts what a client of each replica gets until the block ends."""
    stop, seen, lock = threading.Event(), Counter(), threading.Lock()

    def run(one: RunningEnvoy) -> None:
        while not stop.wait(0.002):
            try:
                counts = ask(one, 20, *headers)
            except OSError as fault:
                counts = Counter({(0, str(fault)): 1})
            with lock:
                seen.update(counts)

    threads = [threading.Thread(target=run, args=(one,)) for one in pair.replicas]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.shows("envoy", "share under load")
def test_a_share_goes_on_and_off_under_load_and_no_request_fails(pair):
    pair.publish(0)
    with steady_requests(pair) as seen, steady_requests(pair, MARK) as marked:
        for _ in range(10):
            pair.publish(50)
            enough = seen[CANARY] + 100
            until(lambda enough=enough: seen[CANARY] >= enough, "answers of the canary")
            pair.publish(0)
            assert [ask(one, 100) for one in pair.replicas] == [{STABLE: 100}, {STABLE: 100}]

    assert set(seen) == {STABLE, CANARY}
    assert set(marked) == {CANARY}
    assert seen.total() > 1000


def test_a_retry_stays_with_the_version_of_the_first_attempt(pair):
    pair.publish(50)
    pair.stable.requests = pair.canary.requests = 0
    pair.canary.status = lambda number: 503 if number % 2 else 200
    try:
        seen = ask(pair.replicas[0], 1000, path="/retried")
    finally:
        pair.canary.status = lambda number: 200

    assert set(seen) == {STABLE, CANARY}
    assert fits(0.5, seen[CANARY], 1000)
    assert (pair.stable.requests, pair.canary.requests) == (seen[STABLE], 2 * seen[CANARY])
