"""What the load child counts, and who gets which seat, without locust."""

from collections import Counter
from types import SimpleNamespace

import pytest

from gatewayctl.child_process.cohorts import Cohorts
from gatewayctl.child_process.load_stats import CANARY, HALF_A, HALF_B, Ledger
from gatewayctl.domain.smoke import RunContext
from tests.adapters.smoke.gateway import STAMP, Gateway

ENDPOINTS = Gateway(urls=("http://127.0.0.1:1", "http://127.0.0.1:2")).endpoints()
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
def ledger() -> Ledger:
    return Ledger(ENDPOINTS.attribution)


@pytest.mark.parametrize(
    ("lane", "request_", "misrouted", "unknown"),
    [
        (CANARY, by_canary(), 0, 0),
        (HALF_A, by_stable(), 0, 0),
        (HALF_B, by_stable(), 0, 0),
        (CANARY, by_stable(), 1, 0),
        (HALF_A, by_canary(), 1, 0),
        (CANARY, a_request(), 0, 1),
        (HALF_A, a_request(), 0, 1),
        (CANARY, a_request(x_served_by="orders-canary-1"), 0, 1),
        (CANARY, a_request(x_served_by="payments-1", x_gatewayctl_release=STAMP), 0, 1),
        (CANARY, a_request(x_served_by="orders-canary-1", x_gatewayctl_release=[STAMP, STAMP]), 0, 1),
        (CANARY, a_request(x_served_by=["orders-canary-1"], x_gatewayctl_release=STAMP), 0, 0),
        (CANARY, a_request(status=503, error=ValueError("503")), 0, 1),
        (CANARY, a_request(status=0, error=ValueError("refused")), 0, 0),
        (CANARY, a_request(status=None), 0, 0),
    ],
)
def test_an_answer_is_credited_by_stamp_and_word(ledger, lane, request_, misrouted, unknown):
    for _ in range(2):  # the second from what is remembered
        ledger.lanes[lane].record(request_)

    figures = ledger.figures()
    assert (figures["misrouted"], figures["unknown"]) == (2 * misrouted, 2 * unknown)


def test_only_what_succeeded_has_a_time(ledger):
    ledger.lanes[CANARY].record(by_canary())
    ledger.lanes[CANARY].record(by_canary(status=500, error=ValueError("500")))
    ledger.lanes[CANARY].record(by_canary(status=0))
    ledger.lanes[HALF_B].record(by_stable())

    [(requests, errors, times)] = ledger.figures()["lanes"][CANARY].values()
    assert (requests, errors, sum(times.values())) == (3, 2, 1)
    assert ledger.totals() == {"canary": [3, 2], "stable": [1, 0]}


def test_names_and_words_without_end_do_not_fill_the_memory(ledger):
    for number in range(3000):
        name = f"/items/{number}"
        ledger.lanes[CANARY].record(
            a_request(
                name=name, x_served_by=f"orders-canary-{number}", x_gatewayctl_release=STAMP, error=ValueError(name)
            )
        )

    assert len(ledger.lanes[CANARY].entries) <= 101
    assert ledger.totals()["canary"] == [3000, 3000]
    assert len(ledger.figures()["failures"]) == 5
    assert len(ledger.lanes[CANARY]._right) <= 1000


class Visitor:
    pass


class Buyer:
    pass


def seats(cohorts: Cohorts, users: list[object]) -> Counter[tuple[str, bool]]:
    return Counter((type(user).__name__, cohorts.seat_of(user).marked) for user in users)


def test_half_of_each_class_of_users_is_the_canarys(ledger):
    cohorts = Cohorts(RunContext(ENDPOINTS, events="", users=16), ledger)
    users = [kind() for _ in range(8) for kind in (Visitor, Buyer)]  # as locust spawns them

    assert seats(cohorts, users) == {
        ("Visitor", True): 4,
        ("Visitor", False): 4,
        ("Buyer", True): 4,
        ("Buyer", False): 4,
    }


def test_of_classes_with_one_user_each_not_all_are_the_canarys(ledger):
    cohorts = Cohorts(RunContext(ENDPOINTS, events="", users=2), ledger)

    assert set(seats(cohorts, [Visitor(), Buyer()])) == {("Visitor", True), ("Buyer", False)}


def test_every_cohort_meets_every_replica(ledger):
    cohorts = Cohorts(RunContext(ENDPOINTS, events="", users=8), ledger)
    users = [Visitor() for _ in range(8)]

    met = Counter((cohorts.seat_of(user).marked, cohorts.seat_of(user).url) for user in users)
    assert met == {(marked, url): 2 for marked in (True, False) for url in ENDPOINTS.urls}


def test_with_few_users_stables_requests_take_turns_in_its_halves(ledger):
    cohorts = Cohorts(RunContext(ENDPOINTS, events="", users=2), ledger)
    cohorts.seat_of(first := Visitor())
    seat = cohorts.seat_of(second := Visitor())

    assert first is not second
    assert [seat.turn() is ledger.lanes[half] for half in (HALF_A, HALF_B, HALF_A)] == [True, True, True]
