"""A toy resource on a real API server: the cluster needs to know no more of an API object than what is declared."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, connect
from gatewayctl.adapters.kubernetes.client.paths import custom_objects
from gatewayctl.adapters.kubernetes.gateway.place import RouteObjects
from gatewayctl.adapters.kubernetes.routes.dry_run import ObjectDryRun
from gatewayctl.adapters.kubernetes.routes.objects import ObjectRouteStore
from gatewayctl.domain.routing import CanaryRule, Header
from tests.e2e.shop_cluster import kubectl
from tests.fakes.toyroute.dialect import ToyRouteChecker, ToyRouteDialect
from tests.fakes.toyroute.resource import TOYROUTE

CRD = Path(__file__).parents[1] / "fakes" / "toyroute" / "crd.yaml"
DIALECT = ToyRouteDialect()
RULE = CanaryRule("orders", "orders", "orders-canary", Header("x-canary", "always"), "r-1")


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """A namespace with one ToyRoute, called `shop`; the definition of its kind goes with it."""
    api, name = connect(), f"toy-{secrets.token_hex(3)}"
    rules = [{"to": "web", "path": "/"}, {"to": "orders", "path": "/a/é", "note": "é & ü: on"}]
    route = {
        "apiVersion": TOYROUTE.api_version,
        "kind": TOYROUTE.kind,
        "metadata": {"name": "shop", "namespace": name},
        "spec": {"hosts": ["shop.example"], "traffic": {"routes": rules}},
    }
    crd = f"crd/{TOYROUTE.plural}.{TOYROUTE.group}"
    try:
        kubectl("apply", "-f", str(CRD))
        kubectl("wait", "--for=condition=Established", "--timeout=60s", crd)
        api.create("/api/v1/namespaces", {"metadata": {"name": name}})
        kubectl("apply", "-f", "-", given=json.dumps(route))
        yield name
    finally:
        kubectl("delete", "--ignore-not-found", "--wait=false", crd)
        api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def api() -> Api:
    return connect()


def test_a_rule_is_tried_written_read_back_and_taken_out_byte_for_byte(api: Api, namespace: str) -> None:
    store = ObjectRouteStore(api, RouteObjects(TOYROUTE, (f"{namespace}/shop",)))
    path = custom_objects(TOYROUTE.api_version, namespace, TOYROUTE.plural, "shop")
    spec, before = api.get(path)["spec"], store.read()
    [stage] = DIALECT.insert(before.files, RULE).stages

    assert ObjectDryRun(store, ToyRouteChecker()).check(before.files, stage).ok
    after = store.write(stage, before)

    assert store.read().files == after.files == stage
    assert [rule["to"] for rule in api.get(path)["spec"]["traffic"]["routes"]] == ["web", "orders-canary", "orders"]

    [removal] = DIALECT.remove(after.files, "orders").stages
    assert store.write(removal, after).files == before.files
    assert api.get(path)["spec"] == spec


def test_a_field_that_its_schema_does_not_have_is_refused_with_what_to_do(api: Api, namespace: str) -> None:
    store = ObjectRouteStore(api, RouteObjects(TOYROUTE, (f"{namespace}/shop",)))
    files = store.read().files
    [stage] = DIALECT.insert(files, RULE).stages
    odd = tuple(type(file)(file.name, file.text.replace("label:", "nickname:")) for file in stage)

    validation = ObjectDryRun(store, ToyRouteChecker()).check(files, odd)

    assert not validation.ok
    assert "unknown field" in validation.detail
