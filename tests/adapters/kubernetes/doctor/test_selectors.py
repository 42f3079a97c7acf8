"""What would send unmarked traffic to a canary, or start it, without the gateway: each is found, and how to mend it."""

import copy
from functools import partial
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.doctor.selectors import TwinContext, check_registry, check_twins, read_twin
from gatewayctl.domain.errors import UsageFault
from tests.adapters.kubernetes.doctor.twins import (
    BOTH,
    ORDERS,
    TARGET,
    an_object,
    container_of,
    faults,
    pair,
    run_checks,
    share_label,
    variables,
)
from tests.adapters.kubernetes.fake_api.memory_api import MemoryApi
from tests.adapters.kubernetes.objects import a_deployment


def test_twins_that_stand_apart_have_no_fault() -> None:
    stable, canary = pair()
    share_label(stable, canary)
    around = {
        "services": [
            an_object("orders", selector=ORDERS),
            an_object("orders-canary", selector={"app": "orders-canary"}),
        ],
        "poddisruptionbudgets": [an_object("orders", selector={"matchLabels": ORDERS})],
        "horizontalpodautoscalers": [an_object("orders", scaleTargetRef={"kind": "Deployment", "name": "orders"})],
    }

    assert faults(run_checks(stable, canary, **around)) == []


def test_a_service_that_picks_both_is_refused_with_what_to_do() -> None:
    stable, canary = pair()
    share_label(stable, canary)

    fault = run_checks(stable, canary, services=[an_object("shop", selector=BOTH)])["services"].fault

    assert isinstance(fault, UsageFault)
    assert "Service shop picks the Pods of orders and of orders-canary (team=checkout)" in str(fault)
    assert "kubectl -n shop edit service shop" in fault.hint


def test_a_service_without_selector_and_a_headless_one_for_monitoring_pick_nothing_that_matters() -> None:
    stable, canary = pair()
    share_label(stable, canary)
    around = [an_object("external"), an_object("metrics", selector=BOTH, clusterIP="None")]

    assert faults(run_checks(stable, canary, services=around)) == []


def test_stables_own_selector_that_matches_canary_pods_is_refused() -> None:
    stable, canary = pair()
    share_label(stable, canary)
    stable["spec"]["selector"] = {"matchLabels": BOTH}

    assert "its selector also matches the Pods of orders-canary" in run_checks(stable, canary)["services"].detail


@pytest.mark.parametrize(
    ("selector", "caught"),
    [
        ({}, True),
        ({"matchLabels": BOTH}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["orders", "orders-canary"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["payments"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["orders"]}]}, False),
        ({"matchLabels": ORDERS}, False),
    ],
)
def test_a_disruption_budget_that_counts_both_is_refused(selector: Object, caught: bool) -> None:
    stable, canary = pair()
    share_label(stable, canary)

    found = run_checks(stable, canary, poddisruptionbudgets=[an_object("orders", selector=selector)])

    assert (found["disruption budgets"].fault is not None) == caught


def test_an_autoscaler_on_the_canary_is_refused() -> None:
    scaled = an_object("auto", scaleTargetRef={"kind": "Deployment", "name": "orders-canary"})

    fault = run_checks(*pair(), horizontalpodautoscalers=[scaled])["autoscalers"].fault

    assert "auto scales orders-canary" in str(fault)


@pytest.mark.parametrize(
    ("setting", "registry"),
    [
        ({"env": variables(EUREKA_CLIENT_SERVICEURL_DEFAULTZONE="http://e")}, "Eureka"),
        ({"env": variables(SPRING_CLOUD_NACOS_DISCOVERY_SERVER_ADDR="n:8848")}, "Nacos"),
        ({"env": variables(CONSUL_HTTP_ADDR="c:8500")}, "Consul"),
        ({"args": ["--spring.cloud.nacos.discovery.server-addr=n:8848"]}, "Nacos"),
        ({"env": variables(JAVA_OPTS="-Xmx1g -Deureka.client.service-url.defaultZone=http://e")}, "Eureka"),
        ({"envFrom": [{"configMapRef": {"name": "settings"}}]}, "Consul"),
    ],
)
def test_a_canary_that_registers_as_stable_is_refused(setting: dict[str, Any], registry: str) -> None:
    stable, canary = pair(**copy.deepcopy(setting))
    container_of(stable).update(copy.deepcopy(setting))
    settings = {"metadata": {"name": "settings"}, "data": {"SPRING_CLOUD_CONSUL_HOST": "c"}}

    fault = run_checks(stable, canary, configmaps=[settings])["registry"].fault

    assert f"orders-canary would register in {registry} under the name of orders" in str(fault)


def test_a_canary_with_a_name_of_its_own_in_the_rule_is_told_to_register_under_it() -> None:
    """Switched off, it would register nowhere, and the rule would lead to nobody."""
    eureka = variables(EUREKA_CLIENT_SERVICEURL_DEFAULTZONE="http://e")
    stable, canary = pair(env=eureka)
    container_of(stable)["env"] = eureka

    with pytest.raises(UsageFault) as caught:
        check_registry(TwinContext(stable, canary), "orders-v2")

    assert caught.value.hint == "set SPRING_APPLICATION_NAME=orders-v2 in orders-canary: canary_uri has this name"


def test_a_registry_named_in_a_mounted_file_is_found() -> None:
    stable, canary = pair()
    for one in (stable, canary):
        one["spec"]["template"]["spec"]["volumes"] = [{"name": "config", "configMap": {"name": "files"}}]
    text = "spring:\n  cloud:\n    nacos:\n      discovery:\n        server-addr: n:8848\n"
    files = {"metadata": {"name": "files"}, "data": {"application.yml": text}}

    assert "Nacos" in run_checks(stable, canary, configmaps=[files])["registry"].detail


@pytest.mark.parametrize(
    "apart",
    [
        variables(EUREKA_CLIENT_REGISTER_WITH_EUREKA="false"),
        variables(EUREKA_CLIENT_ENABLED="False"),
        variables(SPRING_CLOUD_SERVICE_REGISTRY_AUTO_REGISTRATION_ENABLED="false"),
        variables(SPRING_APPLICATION_NAME="orders-canary"),
    ],
)
def test_a_canary_that_stays_out_or_has_a_name_of_its_own_is_fine(apart: list[dict[str, str]]) -> None:
    eureka = variables(EUREKA_CLIENT_SERVICEURL_DEFAULTZONE="http://e")
    stable, canary = pair(env=[*eureka, *apart])
    container_of(stable)["env"] = eureka

    assert faults(run_checks(stable, canary)) == []


def test_a_twin_that_is_not_there_is_one_fault_that_names_it() -> None:
    api = MemoryApi(a_deployment())

    (check,) = check_twins(api, "shop", TARGET, partial(read_twin, api, "shop"))

    assert "no Deployment orders-canary in namespace shop" in str(check.fault)


def test_differences_are_shown_and_refuse_nothing() -> None:
    stable, canary = pair(args=["--slow"])

    check = run_checks(stable, canary)["twins"]

    assert check.fault is None
    assert "gatewayctl sync orders" in check.detail
