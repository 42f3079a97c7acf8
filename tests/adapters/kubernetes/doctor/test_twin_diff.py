"""Twins that are not alike, patches that mend them, and what would make a canary more than a canary."""

import copy
from functools import partial
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import Object, VersionConflict
from gatewayctl.adapters.kubernetes.doctor.selectors import check_twins, read_twin
from gatewayctl.adapters.kubernetes.doctor.twin_diff import find_differences, sync_patch
from gatewayctl.adapters.kubernetes.workloads.objects import container
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.platform import Check
from gatewayctl.domain.release import Target
from tests.adapters.kubernetes.objects import MemoryApi, a_deployment

TARGET = Target("orders", "orders", "orders-canary", "orders", "orders-canary", Identify(), "shop.example.com", "/")
ORDERS, BOTH = {"app": "orders"}, {"team": "checkout"}


def pair(**canary: Any) -> tuple[Object, Object]:
    return a_deployment(), a_deployment("orders-canary", "shop/orders:1.1", 0, **canary)


def app(deployment: Object) -> Object:
    held: Object = deployment["spec"]["template"]["spec"]["containers"][0]
    return held


def variables(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def after(canary: Object, operations: list[Object]) -> Object:
    api = MemoryApi(canary)
    api.patch("/namespaces/shop/deployments/orders-canary", operations)
    return api.deployments["orders-canary"]


def test_twins_that_differ_in_name_image_and_replicas_only_need_nothing() -> None:
    stable, canary = pair()
    app(stable)["name"], app(canary)["name"] = "orders", "orders-canary"
    app(stable)["env"] = [{"name": "APP", "value": "orders"}]
    app(canary)["env"] = [{"name": "APP", "value": "orders-canary"}]

    assert find_differences(stable, canary) == ()
    assert sync_patch(stable, canary) == []


def test_each_difference_is_told_with_its_path_and_both_values() -> None:
    stable, canary = pair()
    app(stable).update(env=variables(LOG="info"), resources={"limits": {"memory": "128Mi"}})
    app(canary).update(env=variables(LOG="debug"), resources={"limits": {"memory": "64Mi"}})

    assert [str(one) for one in find_differences(stable, canary)] == [
        "spec.containers[app].env[LOG].value: info -> debug",
        "spec.containers[app].resources.limits.memory: 128Mi -> 64Mi",
    ]


@pytest.mark.parametrize(
    "variable",
    [
        {"name": "DB_PASSWORD", "value": "hunter2"},
        {"name": "DB_URL", "value": "postgres://orders:hunter2@db/orders"},
        {"name": "OPTS", "value": "--db.password=hunter2"},
    ],
)
def test_secrets_are_not_shown(variable: dict[str, str]) -> None:
    stable, canary = pair()
    app(stable)["env"] = [variable]

    missing = find_differences(stable, canary)
    app(canary)["env"] = [{**variable, "value": "other"}]
    changed = find_differences(stable, canary)

    assert len(missing) == len(changed) == 1
    assert "hunter2" not in f"{missing[0]}{changed[0]}"


def test_sync_brings_in_line_what_differs_and_keeps_the_canarys_own() -> None:
    stable, canary = pair(env=[{"name": "OLD", "value": "1"}])
    app(stable)["env"] = [{"name": "LOG", "value": "info"}]
    stable["spec"]["template"]["metadata"]["annotations"] = {"scrape": "yes"}
    before = copy.deepcopy(canary)

    mended = after(canary, sync_patch(stable, canary))

    assert find_differences(stable, mended) == ()
    assert app(mended)["env"] == [{"name": "LOG", "value": "info"}]
    assert container(mended) == container(before)
    assert mended["spec"]["replicas"] == 0
    assert mended["spec"]["template"]["metadata"]["annotations"] == {"scrape": "yes"}
    assert mended["spec"]["selector"] == before["spec"]["selector"]
    assert mended["spec"]["template"]["metadata"]["labels"] == before["spec"]["template"]["metadata"]["labels"]


def test_sync_copies_no_label_that_a_service_could_choose_by() -> None:
    stable, canary = pair()
    stable["spec"]["template"]["metadata"]["labels"]["serves"] = "customers"
    app(stable)["args"] = ["--fast"]

    assert "serves" not in after(canary, sync_patch(stable, canary))["spec"]["template"]["metadata"]["labels"]


def test_a_rule_of_placement_that_meant_stables_pods_means_the_canarys() -> None:
    stable, canary = pair()
    rule = {"topologyKey": "zone", "labelSelector": {"matchLabels": ORDERS}}
    stable["spec"]["template"]["spec"]["topologySpreadConstraints"] = [rule]

    mended = after(canary, sync_patch(stable, canary))

    placed = mended["spec"]["template"]["spec"]["topologySpreadConstraints"][0]
    assert placed["labelSelector"]["matchLabels"] == {"app": "orders-canary"}


def test_what_keeps_the_canary_out_of_a_registry_survives_sync() -> None:
    switch = {"name": "EUREKA_CLIENT_REGISTER_WITH_EUREKA", "value": "false"}
    stable, canary = pair(env=[switch])
    app(stable)["env"] = [{"name": "EUREKA_CLIENT_SERVICEURL_DEFAULTZONE", "value": "http://eureka"}]

    mended = after(canary, sync_patch(stable, canary))

    assert switch in app(mended)["env"]
    assert len(app(mended)["env"]) == 2


def test_a_canary_that_was_changed_since_it_was_compared_is_not_written() -> None:
    stable, canary = pair(args=["--slow"])
    operations = sync_patch(stable, canary)
    canary["metadata"]["generation"] = 2

    with pytest.raises(VersionConflict):
        after(canary, operations)


# -- what would catch or start the canary's Pods --------------------------------------------------------------------


def checked(stable: Object, canary: Object, **around: list[Object]) -> dict[str, Check]:
    api = MemoryApi(stable, canary)
    api.lists |= around
    return {check.name: check for check in check_twins(api, "shop", TARGET, partial(read_twin, api, "shop"))}


def named(name: str, **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": spec}


def team(*deployments: Object) -> None:
    for one in deployments:
        one["spec"]["template"]["metadata"]["labels"] |= BOTH


def faults(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if check.fault]


def test_twins_that_stand_apart_have_no_fault() -> None:
    stable, canary = pair()
    team(stable, canary)
    around = {
        "services": [named("orders", selector=ORDERS), named("orders-canary", selector={"app": "orders-canary"})],
        "poddisruptionbudgets": [named("orders", selector={"matchLabels": ORDERS})],
        "horizontalpodautoscalers": [named("orders", scaleTargetRef={"kind": "Deployment", "name": "orders"})],
    }

    assert faults(checked(stable, canary, **around)) == []


def test_a_service_that_picks_both_is_refused_with_what_to_do() -> None:
    stable, canary = pair()
    team(stable, canary)

    fault = checked(stable, canary, services=[named("shop", selector=BOTH)])["services"].fault

    assert isinstance(fault, UsageFault)
    assert "Service shop picks the Pods of orders and of orders-canary (team=checkout)" in str(fault)
    assert "kubectl -n shop edit service shop" in fault.hint


def test_a_service_without_selector_and_a_headless_one_for_monitoring_pick_nothing_that_matters() -> None:
    stable, canary = pair()
    team(stable, canary)
    around = [named("external"), named("metrics", selector=BOTH, clusterIP="None")]

    assert faults(checked(stable, canary, services=around)) == []


def test_stables_own_selector_that_matches_canary_pods_is_refused() -> None:
    stable, canary = pair()
    team(stable, canary)
    stable["spec"]["selector"] = {"matchLabels": BOTH}

    assert "its selector also matches the Pods of orders-canary" in checked(stable, canary)["services"].found


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
    team(stable, canary)

    found = checked(stable, canary, poddisruptionbudgets=[named("orders", selector=selector)])

    assert (found["disruption budgets"].fault is not None) == caught


def test_an_autoscaler_on_the_canary_is_refused() -> None:
    scaled = named("auto", scaleTargetRef={"kind": "Deployment", "name": "orders-canary"})

    fault = checked(*pair(), horizontalpodautoscalers=[scaled])["autoscalers"].fault

    assert "auto scales orders-canary" in str(fault)


@pytest.mark.parametrize(
    ("said", "registry"),
    [
        ({"env": variables(EUREKA_CLIENT_SERVICEURL_DEFAULTZONE="http://e")}, "Eureka"),
        ({"env": variables(SPRING_CLOUD_NACOS_DISCOVERY_SERVER_ADDR="n:8848")}, "Nacos"),
        ({"env": variables(CONSUL_HTTP_ADDR="c:8500")}, "Consul"),
        ({"args": ["--spring.cloud.nacos.discovery.server-addr=n:8848"]}, "Nacos"),
        ({"env": variables(JAVA_OPTS="-Xmx1g -Deureka.client.service-url.defaultZone=http://e")}, "Eureka"),
        ({"envFrom": [{"configMapRef": {"name": "settings"}}]}, "Consul"),
    ],
)
def test_a_canary_that_registers_as_stable_is_refused(said: dict[str, Any], registry: str) -> None:
    stable, canary = pair(**copy.deepcopy(said))
    app(stable).update(copy.deepcopy(said))
    settings = {"metadata": {"name": "settings"}, "data": {"SPRING_CLOUD_CONSUL_HOST": "c"}}

    fault = checked(stable, canary, configmaps=[settings])["registry"].fault

    assert f"orders-canary would register in {registry} under the name of orders" in str(fault)


def test_a_registry_named_in_a_mounted_file_is_found() -> None:
    stable, canary = pair()
    for one in (stable, canary):
        one["spec"]["template"]["spec"]["volumes"] = [{"name": "config", "configMap": {"name": "files"}}]
    text = "spring:\n  cloud:\n    nacos:\n      discovery:\n        server-addr: n:8848\n"
    files = {"metadata": {"name": "files"}, "data": {"application.yml": text}}

    assert "Nacos" in checked(stable, canary, configmaps=[files])["registry"].found


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
    app(stable)["env"] = eureka

    assert faults(checked(stable, canary)) == []


def test_a_twin_that_is_not_there_is_one_fault_that_names_it() -> None:
    api = MemoryApi(a_deployment())

    (check,) = check_twins(api, "shop", TARGET, partial(read_twin, api, "shop"))

    assert "no Deployment orders-canary in namespace shop" in str(check.fault)


def test_differences_are_told_and_refuse_nothing() -> None:
    stable, canary = pair(args=["--slow"])

    check = checked(stable, canary)["twins"]

    assert check.fault is None
    assert "gatewayctl sync orders" in check.found


# -- stable's own rolling update ------------------------------------------------------------------------------------

READY = {"readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}}}


def waiting(**hook: Any) -> Object:
    return {**READY, "lifecycle": {"preStop": hook}}


@pytest.mark.parametrize("hook", [{"sleep": {"seconds": 2}}, {"exec": {"command": ["sleep", "5"]}}])
def test_pods_that_wait_before_they_end_are_no_reason_to_warn(hook: Object) -> None:
    stable, canary = pair()
    app(stable).update(waiting(**hook))

    check = checked(stable, canary)["rolling update"]

    assert (check.fault, check.hint) == (None, "")


@pytest.mark.parametrize(
    ("container", "spec", "said", "cure"),
    [
        (READY, {}, "has no preStop", "preStop: {sleep: {seconds: 5}}"),
        (waiting(sleep={"seconds": 0}), {}, "has no preStop", "preStop: {sleep: {seconds: 5}}"),
        (
            waiting(sleep={"seconds": 20}),
            {"terminationGracePeriodSeconds": 20},
            "killed after 20 s, and preStop alone waits 20 s",
            "terminationGracePeriodSeconds to 50",
        ),
        (waiting(sleep={"seconds": 40}), {}, "killed after 30 s", "terminationGracePeriodSeconds to 70"),
        ({"lifecycle": {"preStop": {"sleep": {"seconds": 2}}}}, {}, "no readinessProbe", "a readinessProbe"),
    ],
)
def test_a_stable_that_would_drop_requests_is_a_warning_with_its_cure_and_no_fault(
    container: Object, spec: Object, said: str, cure: str
) -> None:
    stable, canary = pair()
    app(stable).update(container)
    stable["spec"]["template"]["spec"].update(spec)

    check = checked(stable, canary)["rolling update"]

    assert check.fault is None
    assert said in check.found
    assert cure in check.hint


def test_a_strategy_that_ends_all_pods_first_is_warned_of() -> None:
    stable, canary = pair()
    app(stable).update(waiting(sleep={"seconds": 2}))
    stable["spec"]["strategy"] = {"type": "Recreate"}

    assert "RollingUpdate" in checked(stable, canary)["rolling update"].hint
