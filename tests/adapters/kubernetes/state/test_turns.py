"""The Lease with the lines of a namespace: what it costs, how several processes see it, and what the routes tell."""

from dataclasses import dataclass, replace

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, Object
from gatewayctl.adapters.kubernetes.client.paths import config_maps, leases
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace, RouteObjects
from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
from gatewayctl.adapters.kubernetes.state.turns import KubernetesTurns
from gatewayctl.domain.routing import SourceFile
from gatewayctl.domain.turns import TURN
from gatewayctl.gateways.httproute.resource import HTTPROUTE
from tests.adapters.kubernetes.fake_api.http import Reply, Request, failure
from tests.adapters.kubernetes.fake_api.server import FakeApiServer

PLACE = GatewayPlace("gateway", "app=gateway", "gateway-routes", ("rds.yaml",), 8000)
LEASE = leases("gateway", "gatewayctl-turns")
ROUTES = config_maps("gateway", "gateway-routes")


@dataclass
class Time:
    """A machine's monotonic clock."""

    monotonic: float = 100.0

    def now(self) -> float:
        return self.monotonic

    def wall(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.monotonic += seconds


@dataclass
class Process:
    """One release's process, with clients of its own."""

    turns: KubernetesTurns
    routes: KubernetesRouteStore
    time: Time

    def write(self, text: str) -> None:
        self.routes.write((SourceFile("rds.yaml", text),), self.routes.read())


def a_process(api: Api, place: GatewayPlace = PLACE, start: float = 100.0) -> Process:
    time, routes = Time(start), KubernetesRouteStore(api, PLACE)
    return Process(KubernetesTurns(api, place, routes, time), routes, time)


@pytest.fixture
def processes(server: FakeApiServer, api: Api) -> list[Process]:
    """Three machines whose clocks have nothing to do with each other."""
    metadata = {"name": "gateway-routes", "namespace": "gateway", "uid": "u", "resourceVersion": "1"}
    server.objects[ROUTES] = {"metadata": metadata, "data": {"rds.yaml": "a: 1\n"}}
    server.count = 1
    return [a_process(api, start=start) for start in (100.0, 5000.0, 3.0)]


def tickets(server: FakeApiServer) -> Object:
    notes = server.objects[LEASE]["metadata"].get("annotations", {})
    return {key.rpartition(".")[2]: text for key, text in notes.items()}


def test_to_stand_in_line_costs_few_requests(server: FakeApiServer, processes: list[Process]) -> None:
    first, second, _ = processes
    assert first.turns.place("a", "r-a") == 1
    assert server.verbs() == ["PATCH", "POST", "PATCH", "PATCH"], "the first ever makes the Lease"

    assert second.turns.place("b", "r-b") == 2
    assert server.verbs() == ["PATCH", "PATCH"]
    assert [second.turns.place("b", "r-b") for _ in range(20)] == [2] * 20
    assert server.verbs() == [], "it is looked at a few times a second, however often it is asked"

    first.turns.leave("r-a")
    second.turns.leave("r-b")
    assert server.verbs() == ["PATCH", "PATCH"]
    assert tickets(server) == {}


def test_the_further_back_in_a_line_that_moves_the_fewer_looks_it_costs(server: FakeApiServer, api: Api) -> None:
    """Fifty that looked several times a second kept the machine busier than the one who wrote."""
    line = [a_process(api) for _ in range(21)]
    for number, one in enumerate(line):
        one.turns.place("a", f"r-{number}")
    last, place, looks = line[-1], 21, []
    for number in range(20):  # a turn takes one second
        server.verbs()
        for _ in range(10):
            last.time.sleep(0.1)
            place = last.turns.place("a", "r-20")
        looks.append(server.verbs().count("GET"))
        line[number].turns.leave(f"r-{number}")

    assert sum(looks) <= 12
    assert place <= 2
    assert looks[-1] >= 3, "who is next notices at once"


def test_who_writes_alone_asks_for_no_line(server: FakeApiServer, processes: list[Process]) -> None:
    alone = processes[0]
    alone.routes.read()
    server.verbs()

    assert not alone.turns.has_line()
    alone.turns.leave("r-a")

    assert {one.path for one in server.asked} <= {ROUTES}
    assert LEASE not in server.objects


def test_the_one_before_writes_how_many_wait_and_the_last_one_that_nobody_does(
    server: FakeApiServer, processes: list[Process]
) -> None:
    first, second, newcomer = processes
    first.turns.place("a", "r-a")
    second.turns.place("b", "r-b")
    first.time.sleep(1)
    first.turns.place("a", "r-a")

    first.write("a: 2\n")
    first.turns.leave("r-a")
    assert newcomer.turns.has_line()

    second.time.sleep(1)
    assert second.turns.place("b", "r-b") == 1
    second.write("a: 3\n")
    second.turns.leave("r-b")
    assert not newcomer.turns.has_line()
    assert "gatewayctl.dev/waiting" not in server.objects[ROUTES]["metadata"]["annotations"]


def test_a_ticket_that_nobody_renews_is_passed_over_and_removed(
    server: FakeApiServer, processes: list[Process]
) -> None:
    dead, first, second = processes
    dead.turns.place("a", "r-a")
    assert (first.turns.place("b", "r-b"), second.turns.place("c", "r-c")) == (2, 3)

    for _ in range(round(TURN) - 1):
        for one in (first, second):
            one.time.sleep(1)
        assert (first.turns.place("b", "r-b"), second.turns.place("c", "r-c")) == (2, 3)
    for one in (first, second):
        one.time.sleep(1.5)

    assert (first.turns.place("b", "r-b"), second.turns.place("c", "r-c")) == (1, 2)
    assert set(tickets(server)) == {"r-b", "r-c"}


def test_another_gateway_in_the_namespace_has_a_line_of_its_own(processes: list[Process], api: Api) -> None:
    objects = replace(PLACE, routes=RouteObjects(HTTPROUTE, ("shop/shop",)))
    others = [a_process(api, place) for place in (replace(PLACE, config_map="other-routes"), objects)]
    processes[0].turns.place("a", "r-a")

    assert [one.turns.place("b", "r-b") for one in others] == [1, 1]


def test_a_join_that_many_others_come_before_is_sent_again(server: FakeApiServer, processes: list[Process]) -> None:
    left = 3

    def overtake(asked: Request) -> Reply | None:
        nonlocal left
        left -= 1
        return failure(409, "the object has been modified") if left >= 0 else None

    server.before_write = overtake

    assert processes[0].turns.place("a", "r-a") == 1


def test_a_join_whose_answer_was_lost_is_one_ticket_in_the_end(server: FakeApiServer, processes: list[Process]) -> None:
    first, second, _ = processes
    second.turns.place("b", "r-b")
    server.lose = 1
    with pytest.raises(ApiFault):
        first.turns.place("a", "r-a")

    assert first.turns.place("a", "r-a") == 2
    first.turns.leave("r-a")
    assert set(tickets(server)) == {"r-b"}


def test_what_is_no_ticket_of_ours_stands_last(server: FakeApiServer, processes: list[Process]) -> None:
    first, second, _ = processes
    first.turns.place("a", "r-a")
    [key] = server.objects[LEASE]["metadata"]["annotations"]
    server.edit(LEASE, lambda one: one["metadata"]["annotations"].update({key.replace("r-a", "r-x"): "words"}))

    assert second.turns.place("b", "r-b") == 2
