"""What the load's child process counts, and how users are assigned, without locust."""

from collections import Counter
from types import SimpleNamespace

import pytest

from gatewayctl.child_process.cohorts import Cohorts
from gatewayctl.child_process.load_stats import CANARY, HALF_A, HALF_B, LoadStats
from gatewayctl.domain.smoke import RunContext
from tests.adapters.smoke.gateway import STAMP, LoopbackGateway

ENDPOINTS = LoopbackGateway(urls=("http://127.0.0.1:1", "http://127.0.0.1:2")).endpoints()
CANARYS = {"x-served-by": "orders-canary-1", "x-gatewayctl-release": STAMP}


def a_request(status: int = 200, name: str = "/items", error: object = None, **headers: object) -> dict:
    return {
        "request_type": "GET",
        "name": name,
        "url": f"http://127.0.0.1:1{name}",
        "response_time": 12.0,
        "exception": error,
        "response": SimpleNamespace(
            status_code=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
        ),
    }


def by_canary(**changes) -> dict:
    return a_request(x_served_by="orders-canary-1", x_gatewayctl_release=STAMP, **changes)


def by_stable(**changes) -> dict:
    return a_request(x_served_by="orders-1", **changes)


@pytest.fixture
def stats() -> LoadStats:
    return LoadStats(ENDPOINTS.attribution)


@pytest.mark.parametrize(
    ("cohort", "request_", "misrouted", "unknown", "unnamed"),
    [
        (CANARY, by_canary(), 0, 0, 0),
        (HALF_A, by_stable(), 0, 0, 0),
        (HALF_B, by_stable(), 0, 0, 0),
        (CANARY, by_stable(), 1, 0, 0),
        (HALF_A, by_canary(), 1, 0, 0),
        (CANARY, a_request(), 0, 1, 0),
        (HALF_A, a_request(), 0, 1, 0),
        (CANARY, a_request(x_served_by="orders-canary-1"), 0, 1, 0),
        (CANARY, a_request(x_served_by="payments-1", x_gatewayctl_release=STAMP), 0, 1, 1),
        (CANARY, a_request(x_gatewayctl_release=STAMP), 0, 1, 1),
        (HALF_A, a_request(x_gatewayctl_release=STAMP), 0, 1, 0),
        (CANARY, a_request(x_served_by="orders-canary-1", x_gatewayctl_release=[STAMP, STAMP]), 0, 1, 0),
        (CANARY, a_request(x_served_by=["orders-canary-1"], x_gatewayctl_release=STAMP), 0, 0, 0),
        (CANARY, a_request(status=503, error=ValueError("503")), 0, 1, 0),
        (CANARY, a_request(status=0, error=ValueError("refused")), 0, 0, 0),
        (CANARY, a_request(status=None), 0, 0, 0),
    ],
)
def test_an_answer_is_attributed_by_stamp_and_identity(stats, cohort, request_, misrouted, unknown, unnamed):
    for _ in range(2):  # the second from what is remembered
        stats.cohorts[cohort].record(request_)

    figures = stats.figures()
    wrong = (figures["misrouted"], figures["unknown"], figures["unnamed"])
    assert wrong == (2 * misrouted, 2 * unknown, 2 * unnamed)


def test_an_answer_whose_body_cannot_name_a_version_counts_by_its_stamp():
    """Issue 13: the rule is the same as for suites."""
    stats = LoadStats(LoopbackGateway().endpoints(pointer="/pod").attribution)
    stats.cohorts[CANARY].record(a_request(status=204, x_gatewayctl_release=STAMP))
    stats.cohorts[HALF_A].record(a_request(status=204))

    figures = stats.figures()
    assert (figures["misrouted"], figures["unknown"]) == (0, 0)


def test_only_what_succeeded_has_a_time(stats):
    stats.cohorts[CANARY].record(by_canary())
    stats.cohorts[CANARY].record(by_canary(status=500, error=ValueError("500")))
    stats.cohorts[CANARY].record(by_canary(status=0))
    stats.cohorts[HALF_B].record(by_stable())

    [(requests, errors, times)] = stats.figures()["lanes"][CANARY].values()
    assert (requests, errors, sum(times.values())) == (3, 2, 1)
    assert stats.totals() == {"canary": [3, 2], "stable": [1, 0]}


def test_names_and_identities_without_end_do_not_fill_the_memory(stats):
    for number in range(3000):
        name = f"/items/{number}"
        stats.cohorts[CANARY].record(
            a_request(
                name=name, x_served_by=f"orders-canary-{number}", x_gatewayctl_release=STAMP, error=ValueError(name)
            )
        )

    assert len(stats.cohorts[CANARY].entries) <= 101
    assert stats.totals()["canary"] == [3000, 3000]
    assert len(stats.figures()["failures"]) == 5
    assert len(stats.cohorts[CANARY]._known_good) <= 1000


class Visitor:
    pass


class Buyer:
    pass


def assignments(cohorts: Cohorts, users: list[object]) -> Counter[tuple[str, bool]]:
    return Counter((type(user).__name__, cohorts.assignment_of(user).marked) for user in users)


def test_half_of_each_class_of_users_is_the_canarys(stats):
    cohorts = Cohorts(RunContext(ENDPOINTS, events="", users=16), stats)
    users = [kind() for _ in range(8) for kind in (Visitor, Buyer)]  # as locust spawns them

    assert assignments(cohorts, users) == {
        ("Visitor", True): 4,
        ("Visitor", False): 4,
        ("Buyer", True): 4,
        ("Buyer", False): 4,
    }


def test_of_classes_with_one_user_each_not_all_are_the_canarys(stats):
    cohorts = Cohorts(RunContext(ENDPOINTS, events="", users=2), stats)

    assert set(assignments(cohorts, [Visitor(), Buyer()])) == {("Visitor", True), ("Buyer", False)}


def test_every_cohort_meets_every_replica(stats):
    cohorts = Cohorts(RunContext(ENDPOINTS, events="", users=8), stats)
    users = [Visitor() for _ in range(8)]

    met = Counter((cohorts.assignment_of(user).marked, cohorts.assignment_of(user).url) for user in users)
    assert met == {(marked, url): 2 for marked in (True, False) for url in ENDPOINTS.urls}


def test_with_few_users_stables_requests_take_turns_in_its_halves(stats):
    cohorts = Cohorts(RunContext(ENDPOINTS, events="", users=2), stats)
    cohorts.assignment_of(first := Visitor())
    assignment = cohorts.assignment_of(second := Visitor())

    assert first is not second
    assert [assignment.next_stats() is stats.cohorts[half] for half in (HALF_A, HALF_B, HALF_A)] == [True, True, True]
