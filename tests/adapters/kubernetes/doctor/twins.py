"""Two Deployments, stable and canary, and the checks of them on a cluster in memory."""

from functools import partial
from typing import Any

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.doctor.selectors import check_twins, read_twin
from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.platform import Check
from gatewayctl.domain.release import Target
from tests.adapters.kubernetes.fake_api.memory_api import MemoryApi
from tests.adapters.kubernetes.objects import a_deployment

TARGET = Target("orders", "orders", "orders-canary", "orders", "orders-canary", Identify(), "shop.example.com", "/")
ORDERS, BOTH = {"app": "orders"}, {"team": "checkout"}


def pair(**canary: Any) -> tuple[Object, Object]:
    return a_deployment(), a_deployment("orders-canary", "shop/orders:1.1", 0, **canary)


def container_of(deployment: Object) -> Object:
    held: Object = deployment["spec"]["template"]["spec"]["containers"][0]
    return held


def variables(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def after(canary: Object, operations: list[Object]) -> Object:
    api = MemoryApi(canary)
    api.patch("/namespaces/shop/deployments/orders-canary", operations)
    return api.deployments["orders-canary"]


def run_checks(stable: Object, canary: Object, **around: list[Object]) -> dict[str, Check]:
    api = MemoryApi(stable, canary)
    for kind, objects in around.items():
        api.put(kind, *objects)
    return {check.name: check for check in check_twins(api, "shop", TARGET, partial(read_twin, api, "shop"))}


def an_object(name: str, **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": spec}


def share_label(*deployments: Object) -> None:
    for one in deployments:
        one["spec"]["template"]["metadata"]["labels"] |= BOTH


def faults(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if check.fault]
