"""What must hold of shares of an HTTPRoute's unmarked requests, whichever product serves it."""

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gatewayctl.adapters.kubernetes.routes.objects import ObjectRouteStore
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import STAMP_HEADER, share_routes
from tests.e2e.route_cases import DIALECT, RULE, a_canary, answered_by, asking, off, routes_of, until_stamped, within
from tests.e2e.route_cluster import RouteCluster
from tests.gateways.many_requests import fits

SHARES = (1, 10, 50, 100)
EDITS = 20
_ORDERS, _MARK = "/api/orders/health", ("x-canary", "always")
_REQUESTS, _AT_ONCE = 2_500, 8  # to each of two replicas
_STABLE, _CANARY = ("orders", ""), "orders-canary"


def arrive_as_asked(cluster: RouteCluster, capsys: pytest.CaptureFixture[str]) -> None:
    """Fails unless each share arrives on each replica, and marked requests reach the canary at every share."""
    store = routes_of(cluster)
    with a_canary(cluster), _shares_gone_at_end(store):
        for share in SHARES:
            _publish(cluster, store, share)
            seen = [_count(cluster, one, _REQUESTS) for one in cluster.gateways()]
            marked = [_count(cluster, one, 100, _MARK) for one in cluster.gateways()]
            with capsys.disabled():
                sys.stdout.write(f"\n{share} %: {[dict(one) for one in seen]}\n")
            ours = (_CANARY, f"r-{share}")
            for one in (*seen, seen[0] + seen[1]):
                assert set(one) <= {_STABLE, ours}
                assert fits(share / 100, one[ours], one.total()), one
            assert marked == [{ours: 100}] * len(marked)


def come_and_go_under_load(
    cluster: RouteCluster, capsys: pytest.CaptureFixture[str], excused: frozenset[str] = frozenset()
) -> None:
    """Fails unless no request fails while a share comes and goes, and none reaches the canary that should not.

    `excused` are answers that requests for the application may get besides, right around an edit.
    """
    store = routes_of(cluster)
    with a_canary(cluster), _shares_gone_at_end(store):
        _publish(cluster, store, 0)
        with asking(cluster) as answers:
            for number in range(EDITS):
                share = 50 if number % 2 == 0 else 0
                _publish(cluster, store, share, f"r-{number}")
                enough = len(answers) + 60
                within(30, lambda enough=enough: len(answers) >= enough, "requests after the edit")
                if not share:
                    counts = [_count(cluster, one, 50) for one in cluster.gateways()]
                    assert counts == [{_STABLE: 50}] * len(counts)
    owed = {
        (_ORDERS, ()): {"200 orders", "200 orders-canary"} | excused,
        (_ORDERS, (_MARK,)): {"200 orders-canary"} | excused,
        ("/api/payments/health", ()): {"200 payments"},
    }
    amiss = Counter((path, marks, said) for path, marks, said in answers if said not in owed[path, marks])
    with capsys.disabled():
        sys.stdout.write(f"\n{len(answers)} requests, {amiss.total()} failed or astray\n")
    assert amiss == {}
    assert {said for path, marks, said in answers if path == _ORDERS and not marks} >= {
        "200 orders",
        "200 orders-canary",
    }


def _publish(cluster: RouteCluster, store: ObjectRouteStore, share: int, stamp: str = "") -> None:
    """Write the rule with this share, and return once every replica has it, known by the stamp that comes with it."""
    rule = replace(RULE, share=share, stamp=stamp or f"r-{share}")
    read = store.read()
    for stage in DIALECT.insert(read.files, rule).stages:
        read = store.write(stage, read)
    assert [one.share for one in share_routes(DIALECT.routes(store.read().files), rule.app)] == [share] * bool(share)
    until_stamped(cluster, {rule.stamp}, f"a share of {share} % to be live")
    within(
        30,
        lambda: all(
            answered_by(cluster.ask(one, _ORDERS, _MARK)).startswith(_CANARY + "-") for one in cluster.gateways()
        ),
        "the canary's answers",
    )


@contextmanager
def _shares_gone_at_end(store: ObjectRouteStore) -> Iterator[None]:
    try:
        yield
    finally:
        off(store)


def _count(cluster: RouteCluster, replica: Replica, number: int, *marks: tuple[str, str]) -> Counter[tuple[str, str]]:
    """By whom `number` requests are answered, and with which stamp."""

    def ask(_: int) -> tuple[str, str]:
        answer = cluster.ask(replica, _ORDERS, *marks)
        return answered_by(answer).rsplit("-", 2)[0], answer.headers.get(STAMP_HEADER, "")

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return Counter(pool.map(ask, range(number)))
