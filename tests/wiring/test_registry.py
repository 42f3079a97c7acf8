"""The registry of a gateway is chosen by its kind, and is asked only when a release asks it."""

import pytest

from gatewayctl.config.load import parse
from gatewayctl.wiring.discovery import wire_spec
from tests.adapters.registries.servers import Instance, Serve, World, eureka, nacos_3, serving
from tests.config.files import GOOD
from tests.fakes.memory import Silent

WORLD = {"orders": [Instance("10.0.0.5:8080")]}


@pytest.mark.parametrize(
    ("serve", "keys"),
    [
        (nacos_3, "kind: nacos, url: 'http://ADDRESS/nacos', namespace: shop, group: SHOP_GROUP"),
        (eureka, "kind: eureka, url: 'http://ADDRESS/eureka/'"),
    ],
    ids=["nacos", "eureka"],
)
def test_the_registry_that_the_configuration_names_is_asked(tmp_path, serve: Serve, keys: str) -> None:
    world = World(dict(WORLD))

    with serving(world, serve) as address:
        registry = f"registry: {{{keys.replace('ADDRESS', address)}}}"
        text = GOOD.replace("kind: envoy", f"kind: spring-cloud-gateway, {registry}")
        asked = wire_spec(parse(text, tmp_path / "gatewayctl.yaml"), Silent()).ports.gateway.registry
        before = list(world.asked)

        assert asked is not None
        assert asked("orders").instances == ("10.0.0.5:8080",)
    assert before == []


def test_a_gateway_without_the_key_asks_none(tmp_path) -> None:
    spec = parse(GOOD, tmp_path / "gatewayctl.yaml")

    assert wire_spec(spec, Silent()).ports.gateway.registry is None
