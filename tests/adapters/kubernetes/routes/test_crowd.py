"""Releases that write one ConfigMap at the same instant, in turns that the API server keeps: no edit is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.adapters.kubernetes.client.paths import config_maps, leases
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
from gatewayctl.adapters.kubernetes.state.turns import KubernetesTurns
from gatewayctl.domain.errors import StaleWrite
from gatewayctl.domain.routing import SourceFile
from gatewayctl.orchestration.context import Fence, StepContext
from gatewayctl.orchestration.retries import retry_on_conflict
from tests.adapters.kubernetes.fake_api.server import FakeApiServer, connect_to_fake
from tests.fakes.shop import AskingSuites, a_release, ports
from tests.fakes.world import World

PLACE = GatewayPlace("gateway", "app=gateway", "gateway-routes", ("rds.yaml",), 8000)
ROUTES = config_maps("gateway", "gateway-routes")
COUNT = 8


def a_writer(api: Api, number: int, together: Barrier, lost: list[str]) -> Callable[[], None]:
    """A release that adds its line to the file; all of them have read it before the first one writes."""
    world, store = World(), KubernetesRouteStore(api, PLACE)
    suites, line = AskingSuites(world, []), f"- {number}\n"
    clock = SystemClock()
    made = replace(ports(world, suites), clock=clock, turns=KubernetesTurns(api, PLACE, store, clock))
    made = replace(made, gateway=replace(made.gateway, store=store))
    release = a_release(world, suites)
    context = StepContext(made, release, Fence(lambda: None, lambda: None), lambda _text: None)
    is_first = True

    def attempt() -> None:
        nonlocal is_first
        stored = store.read()
        if is_first:
            together.wait()
            is_first = False
        try:
            context.write((SourceFile("rds.yaml", stored.files[0].text + line),), stored)
        except StaleWrite:
            lost.append(release.id)
            raise

    return lambda: retry_on_conflict(context, attempt)


def test_of_all_that_write_at_the_same_instant_the_lines_are_there_and_nothing_else_is_left(tmp_path: Path) -> None:
    metadata = {"name": "gateway-routes", "namespace": "gateway", "uid": "u", "resourceVersion": "1"}
    server = FakeApiServer(objects={ROUTES: {"metadata": metadata, "data": {"rds.yaml": "# routes\n"}}}, count=1)
    together, lost = Barrier(COUNT), list[str]()

    with connect_to_fake(tmp_path, server) as (_, api), ThreadPoolExecutor(COUNT) as pool:
        writers = [a_writer(api, number, together, lost) for number in range(COUNT)]
        list(pool.map(lambda write: write(), writers))

    lines = server.objects[ROUTES]["data"]["rds.yaml"].splitlines()
    assert sorted(lines) == sorted(["# routes", *(f"- {number}" for number in range(COUNT))])
    assert len(set(lost)) == COUNT - 1, "all but one lost their first try, and had to come again"
    assert server.objects[leases("gateway", "gatewayctl-turns")]["metadata"]["annotations"] == {}
