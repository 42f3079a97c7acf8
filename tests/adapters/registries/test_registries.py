"""Every kind of registry: the same facts have the same answer. The servers are small ones, as documented."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from gatewayctl.adapters.http import admin_get
from gatewayctl.adapters.registries.actuator import ActuatorRegistry
from gatewayctl.adapters.registries.eureka import EurekaRegistry
from gatewayctl.adapters.registries.nacos import NacosRegistry
from gatewayctl.adapters.registries.server import Login
from gatewayctl.domain.errors import EnvironmentFailed, Transient, UsageFault
from gatewayctl.ports import Registry
from tests.adapters.registries.servers import (
    PASSWORD,
    USER,
    Instance,
    Serve,
    World,
    a_replica,
    actuator,
    eureka,
    nacos_2,
    nacos_3,
    serving,
)

STABLE, CANARY = Instance("10.0.0.5:8080"), Instance("10.0.0.7:8080")
LOGIN = Login("REGISTRY_USER", "REGISTRY_PASSWORD")


def on_nacos(address: str, login: Login) -> Registry:
    return NacosRegistry(f"http://{address}/nacos", login, "shop", "SHOP_GROUP").look_up


def on_eureka(address: str, login: Login) -> Registry:
    return EurekaRegistry(f"http://{address}/eureka", login).look_up


def on_actuator(address: str, _: Login) -> Registry:
    return ActuatorRegistry(lambda: (a_replica(address),), admin_get).look_up


@dataclass(frozen=True)
class Kind:
    """A server, and the adapter that asks it."""

    serve: Serve
    ask: Callable[[str, Login], Registry]


KINDS = {
    "nacos 3": Kind(nacos_3, on_nacos),
    "nacos 2": Kind(nacos_2, on_nacos),
    "eureka": Kind(eureka, on_eureka),
    "actuator": Kind(actuator, on_actuator),
}
SERVERS = {name: kind for name, kind in KINDS.items() if name != "actuator"}


@pytest.fixture
def world() -> World:
    return World({"orders": [STABLE, Instance("10.0.0.6:8080")], "orders-canary": [CANARY]})


@pytest.fixture(params=KINDS)
def registry(request: pytest.FixtureRequest, world: World) -> Iterator[Registry]:
    kind = KINDS[request.param]
    with serving(world, kind.serve) as address:
        yield kind.ask(address, Login())


@pytest.fixture(params=SERVERS)
def guarded(request: pytest.FixtureRequest, world: World) -> Iterator[Callable[[Login], Registry]]:
    world.guarded = True
    kind = SERVERS[request.param]
    with serving(world, kind.serve) as address:
        yield lambda login: kind.ask(address, login)


def test_a_service_that_is_registered_is_found(registry: Registry) -> None:
    found = registry("orders-canary")

    assert found.found
    assert found.instances in {(CANARY.address,), ()}  # the actuator knows names only


def test_a_name_that_nobody_registered_is_not_found(registry: Registry) -> None:
    found = registry("orders-next")

    assert (found.found, found.instances) == (False, ())
    assert found.detail


def test_a_service_none_of_whose_instances_gets_requests_is_not_found(world: World, registry: Registry) -> None:
    world.services["orders-canary"] = [Instance(CANARY.address, healthy=False)]

    found = registry("orders-canary")

    assert (found.found, found.instances) == (False, ())


@pytest.mark.parametrize("kind", SERVERS.values(), ids=SERVERS)
def test_each_instance_is_named_and_why_one_gets_no_requests(world: World, kind: Kind) -> None:
    world.services["orders-canary"] = [CANARY, Instance("10.0.0.8:8080", healthy=False)]

    with serving(world, kind.serve) as address:
        found = kind.ask(address, Login())("orders-canary")

    assert found.instances == (CANARY.address,)
    assert found.detail.startswith("1 instance: 10.0.0.7:8080; not used: 10.0.0.8:8080 ")


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"code": 0}', b"null", b"[" * 200_000], ids=["html", "list", "no data", "null", "deep"]
)
def test_an_answer_that_is_not_the_documented_one_is_a_plain_error(
    world: World, registry: Registry, body: bytes
) -> None:
    world.instead = (200, body)

    with pytest.raises(EnvironmentFailed) as caught:
        registry("orders")

    assert not isinstance(caught.value, Transient)
    assert caught.value.hint


def test_a_registry_that_is_overloaded_may_answer_a_moment_later(world: World, registry: Registry) -> None:
    world.instead = (503, b"")

    with pytest.raises(Transient, match="503"):
        registry("orders")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_registry_that_is_not_there_is_named(world: World, kind: Kind) -> None:
    with serving(world, kind.serve) as address:
        pass

    with pytest.raises(Transient, match=f"{address}.* does not answer"):
        kind.ask(address, Login())("orders")


def test_a_login_is_read_from_the_variables_that_the_configuration_names(
    guarded: Callable[[Login], Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_USER", USER)
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)

    assert guarded(LOGIN)("orders-canary").instances == (CANARY.address,)


def test_a_wrong_password_is_not_repeated_in_the_error(
    guarded: Callable[[Login], Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_USER", USER)
    monkeypatch.setenv("REGISTRY_PASSWORD", "not-this-one")

    with pytest.raises(UsageFault, match=r"answers 40[13]: it does not accept our login") as caught:
        guarded(LOGIN)("orders")

    assert "not-this-one" not in f"{caught.value} {caught.value.hint}"


def test_without_a_login_the_keys_that_name_one_are_said(guarded: Callable[[Login], Registry]) -> None:
    with pytest.raises(UsageFault) as caught:
        guarded(Login())("orders")

    assert "user_variable" in caught.value.hint


def test_a_variable_that_is_not_set_is_named(
    guarded: Callable[[Login], Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGISTRY_USER", raising=False)

    with pytest.raises(UsageFault, match="the variable REGISTRY_USER is not set"):
        guarded(LOGIN)("orders")


def test_a_service_of_another_namespace_is_not_the_one(world: World) -> None:
    with serving(world, nacos_3) as address:
        elsewhere = NacosRegistry(f"http://{address}/nacos", Login(), "", "SHOP_GROUP")

        assert not elsewhere.look_up("orders").found


def test_a_server_that_is_no_nacos_is_said(world: World) -> None:
    with serving(world, nacos_3) as address, pytest.raises(EnvironmentFailed, match="there is no Nacos at") as caught:
        NacosRegistry(f"http://{address}", Login()).look_up("orders")

    assert "/nacos" in caught.value.hint


def test_a_name_cannot_leave_its_place_in_the_url(world: World) -> None:
    with serving(world, eureka) as address:
        EurekaRegistry(f"http://{address}/eureka", Login()).look_up("../apps/orders?x#y")

    assert world.asked == ["/eureka/apps/..%2FAPPS%2FORDERS%3FX%23Y"]


def test_a_gateway_replica_whose_discovery_lacks_the_name_is_named(world: World) -> None:
    with serving(world, actuator) as one, serving(World(), actuator) as other:
        replicas = (a_replica(one), type(a_replica(other))("gw-1", "", other))
        found = ActuatorRegistry(lambda: replicas, admin_get).look_up("orders")

    assert (found.found, found.detail) == (False, "not listed by gw-1")


def test_an_actuator_that_hides_its_details_names_the_settings(world: World) -> None:
    world.instead = (200, b'{"status": "UP"}')

    with serving(world, actuator) as address, pytest.raises(EnvironmentFailed) as caught:
        on_actuator(address, Login())("orders")

    assert "show-details" in caught.value.hint


@pytest.mark.parametrize("kind", SERVERS.values(), ids=SERVERS)
@pytest.mark.parametrize("host", ["\x1b[2J", "10.0.0.7\n✓ smoke", "<script>", "../..", ""], ids=ascii)
def test_an_instance_whose_address_is_none_is_no_instance(world: World, kind: Kind, host: str) -> None:
    world.services["orders-canary"] = [Instance(f"{host}:8080")]

    with serving(world, kind.serve) as address, pytest.raises(EnvironmentFailed) as caught:
        kind.ask(address, Login())("orders-canary")

    assert not host or host not in str(caught.value)


def test_an_instance_of_eureka_that_no_load_balancer_finds_by_this_name_is_not_counted(world: World) -> None:
    instance = {"ipAddr": "10.0.0.7", "status": "UP", "port": {"$": 80}, "vipAddress": "orders\n"}
    world.instead = (200, json.dumps({"application": {"instance": [instance]}}).encode())

    with serving(world, eureka) as address:
        found = on_eureka(address, Login())("orders-canary")

    assert (found.found, found.detail) == (
        False,
        "no instance gets requests; not used: 10.0.0.7:80 has the vipAddress orders",
    )


def test_an_instance_of_eureka_that_speaks_tls_only_has_its_secure_port(world: World) -> None:
    ports = {"port": {"$": 80, "@enabled": "false"}, "securePort": {"$": 8443, "@enabled": "true"}}
    world.instead = (
        200,
        json.dumps({"application": {"instance": {"ipAddr": "::1", "status": "UP", **ports}}}).encode(),
    )

    with serving(world, eureka) as address:
        assert on_eureka(address, Login())("orders").instances == ("::1:8443",)
