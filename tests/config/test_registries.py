"""Canaries that register themselves: their URI, and the registry that is asked for them."""

import pytest

from gatewayctl.config.load import load
from gatewayctl.config.spec import RegistrySpec
from tests.config.files import CLUSTER, GOOD, faults_of, write_config

REGISTRY = GOOD.replace("{kind: envoy}", "{kind: spring-cloud-gateway}")


def test_a_canary_uri_goes_to_a_gateway_with_a_registry(tmp_path):
    app = load(write_config(tmp_path, REGISTRY + "    canary_uri: lb://orders-canary\n")).apps["orders"]

    assert app.target.canary_uri == "lb://orders-canary"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (GOOD + "    canary_uri: lb://c\n", 7, "a gateway of kind envoy sends to addresses only"),
        (REGISTRY + "    canary_uri: orders-canary\n", 7, "apps.orders.canary_uri: "),
        (REGISTRY + "    canary_uri: lb://${X}\n", 7, "apps.orders.canary_uri: "),
        (REGISTRY + "    canary_uri: lb://c\n    canary_host: c\n", 5, "expected at most one of canary_host and"),
    ],
)
def test_a_canary_uri_that_cannot_be_used_is_a_fault_with_its_line(tmp_path, text, line, reason):
    (fault,) = faults_of(tmp_path, text)

    assert fault.startswith(f"gatewayctl.yaml:{line}: ")
    assert reason in fault


def with_registry(keys: str, text: str = REGISTRY) -> str:
    return text.replace("{kind: spring-cloud-gateway", f"{{kind: spring-cloud-gateway, registry: {{{keys}}}", 1)


@pytest.mark.parametrize(
    ("keys", "spec"),
    [
        ("kind: nacos, url: 'http://nacos:8848/nacos/'", RegistrySpec("nacos", "http://nacos:8848/nacos")),
        (
            "kind: nacos, url: 'https://n', namespace: shop, group: G, user_variable: U, password_variable: P",
            RegistrySpec("nacos", "https://n", "shop", "G", "U", "P"),
        ),
        ("kind: eureka, url: 'http://[::1]:8761/eureka'", RegistrySpec("eureka", "http://[::1]:8761/eureka")),
        ("kind: actuator", RegistrySpec("actuator")),
    ],
)
def test_a_gateway_names_the_registry_that_it_looks_services_up_in(tmp_path, keys, spec):
    assert load(write_config(tmp_path, with_registry(keys))).gateway.registry == spec


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("kind: consul", "nacos"),
        ("kind: nacos", "kind nacos needs url, for example http://nacos:8848/nacos"),
        ("kind: eureka, url: 'http://qa:secret@eureka:8761/eureka'", "registry.url"),
        ("kind: eureka, url: 'http://eureka:8761/eureka', group: G", "group goes with kind nacos"),
        ("kind: actuator, url: 'http://gateway:9901'", "url goes with kind nacos or eureka"),
        ("kind: nacos, url: 'http://n', user_variable: U", "user_variable and password_variable go together"),
        ("kind: nacos, url: 'http://n', user_variable: U, password_variable: my-pass!", "registry.password_variable"),
    ],
)
def test_a_registry_that_cannot_be_asked_is_a_fault_with_its_line(tmp_path, keys, reason):
    (fault,) = faults_of(tmp_path, with_registry(keys))

    assert fault.startswith("gatewayctl.yaml:3: gateway.registry")
    assert reason in fault


def test_a_gateway_that_sends_to_addresses_has_no_registry(tmp_path):
    (fault,) = faults_of(tmp_path, GOOD.replace("{kind: envoy}", "{kind: envoy, registry: {kind: actuator}}"))

    assert fault == "gatewayctl.yaml:3: gateway.registry: a gateway of kind envoy looks nothing up in a registry"


def test_an_actuator_in_a_cluster_needs_the_admin_port(tmp_path):
    text = CLUSTER.replace("kind: envoy", "kind: spring-cloud-gateway, registry: {kind: actuator}")

    assert load(write_config(tmp_path, text)).gateway.registry == RegistrySpec("actuator")
    (fault,) = faults_of(tmp_path, text.replace(", admin: 9901", ""))
    assert fault.endswith("kind actuator needs the gateway's admin: the port of its actuator")


def test_each_of_several_gateways_has_its_own_registry(tmp_path):
    one = (
        "  GATEWAY: {kind: KIND, registry: {kind: actuator}, admin: 9901, replicas: {selector: a=b}, "
        "config: {configMap: c, key: k}}\n"
    )
    gateways = one.replace("GATEWAY", "edge").replace("KIND", "spring-cloud-gateway") + one.replace(
        "GATEWAY", "old"
    ).replace("KIND", "envoy")
    text = (
        "version: 1\nplatform: {kind: kubernetes, namespace: shop}\ngateways:\n" + gateways + "apps:\n"
        "  orders: {gateway: edge, probe: {host: shop}}\n"
    )

    (fault,) = faults_of(tmp_path, text)
    assert fault == "gatewayctl.yaml:5: gateways.old.registry: a gateway of kind envoy looks nothing up in a registry"
