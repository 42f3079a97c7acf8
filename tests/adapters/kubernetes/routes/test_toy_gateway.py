"""A second gateway whose rules are API objects needs its folder, a registry line and a CRD: nothing else names it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gatewayctl.adapters.kubernetes.doctor.rbac import PodAccess, release_permissions
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace, RouteObjects
from gatewayctl.config.load import load
from gatewayctl.domain.errors import GatewayctlError, StaleWrite
from gatewayctl.gateways.registry import GATEWAYS
from gatewayctl.wiring.discovery import Session, wire_spec
from tests.adapters.kubernetes.fake_api.http import serving
from tests.adapters.kubernetes.fake_api.server import FakeApiServer
from tests.adapters.kubernetes.routes.object_server import route_server
from tests.adapters.kubernetes.routes.samples import SAMPLES
from tests.fakes.memory import Silent
from tests.fakes.toyroute.resource import TOYROUTE
from tests.gateways.httproute.samples import a_rule

CRD = Path(__file__).parents[3] / "fakes" / "toyroute" / "crd.yaml"
SAMPLE = next(sample for sample in SAMPLES if sample.resource == TOYROUTE)
CONFIG = """\
version: 1
platform: {kind: kubernetes, namespace: shop}
gateway: {kind: toyroute, namespace: gateway, replicas: {selector: app=edge}, routes: [shop/shop]}
apps:
  orders:
    identify: {header: x-served-by}
    probe: {host: shop.example.com, path: /api/orders/health}
"""


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry line."""
    monkeypatch.setitem(GATEWAYS, "toyroute", "tests.fakes.toyroute.product")


@pytest.fixture
def server() -> FakeApiServer:
    return route_server(SAMPLE)


@pytest.fixture
def wiring(
    registered: None, server: FakeApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Session]:
    """What gatewayctl does with a gatewayctl.yaml that names the toy."""
    with serving(server.answer, tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        (tmp_path / "gatewayctl.yaml").write_text(CONFIG)
        yield wire_spec(load(tmp_path / "gatewayctl.yaml"), Silent())


def test_its_rule_is_checked_by_a_dry_run_written_and_taken_out_byte_for_byte(
    wiring: Session, server: FakeApiServer
) -> None:
    gateway = wiring.ports.gateway
    before = gateway.store.read()
    [stage] = gateway.dialect.insert(before.files, a_rule()).stages

    assert gateway.checker.check(before.files, stage).detail == "accepted by the API server in a dry run"
    after = gateway.store.write(stage, before)
    rules = SAMPLE.rules(server.named("shop"))
    assert [rule["to"] for rule in rules] == ["web", "orders-canary", "orders", "orders-canary", "orders"]
    [removal] = gateway.dialect.remove(after.files, "orders").stages
    assert gateway.store.write(removal, after).files == before.files


def test_its_writes_conflict_with_a_persons(wiring: Session, server: FakeApiServer) -> None:
    store = wiring.ports.gateway.store
    before = store.read()
    [stage] = wiring.ports.gateway.dialect.insert(before.files, a_rule()).stages
    server.named("shop")["spec"]["traffic"]["routes"][0]["to"] = "other"
    server.named("shop")["metadata"]["resourceVersion"] = "77"

    with pytest.raises(StaleWrite, match="ToyRoute shop/shop was changed by someone else"):
        store.write(stage, before)


@pytest.mark.usefixtures("registered")
def test_its_rights_are_of_its_own_resource() -> None:
    place = GatewayPlace("gateway", "app=edge", "", (), 8000, routes=RouteObjects(TOYROUTE, ("shop/shop",)))

    needed = [str(one) for one in release_permissions("shop", place, PodAccess.INSIDE) if one.group == "toy.example"]

    assert needed[0] == "get toyroutes.toy.example shop in shop (the gateway's routes)"
    assert len(needed) == 3


@pytest.mark.parametrize(
    ("routes", "fault"),
    [
        (
            "config: {configMap: routes, key: a.yaml}",
            "as namespace/name: ToyRoute objects hold the rules",
        ),
        ("routes: [shop/shop, shop/shop]", "the same ToyRoute is named twice"),
        ("traffic: 8000", "needs gateway.routes"),
    ],
)
@pytest.mark.usefixtures("registered")
def test_its_configuration_is_checked_like_that_of_every_api_object(tmp_path: Path, routes: str, fault: str) -> None:
    file = tmp_path / "gatewayctl.yaml"
    file.write_text(CONFIG.replace("routes: [shop/shop]", routes))

    with pytest.raises(GatewayctlError, match=fault):
        load(file)


@pytest.mark.usefixtures("registered")
def test_routes_of_a_gateway_with_files_name_every_kind_that_has_objects(tmp_path: Path) -> None:
    file = tmp_path / "gatewayctl.yaml"
    file.write_text(CONFIG.replace("kind: toyroute", "kind: envoy"))

    with pytest.raises(GatewayctlError, match=r"or ToyRoute objects: .*, istio or toyroute"):
        load(file)


def test_its_crd_is_the_declared_resource() -> None:
    spec = yaml.safe_load(CRD.read_text())["spec"]

    assert (spec["group"], spec["names"]["kind"], spec["names"]["plural"]) == (
        TOYROUTE.group,
        TOYROUTE.kind,
        TOYROUTE.plural,
    )
    assert [one["name"] for one in spec["versions"]] == [TOYROUTE.version]
