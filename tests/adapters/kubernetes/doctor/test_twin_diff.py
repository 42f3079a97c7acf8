"""Twins that are not alike, and the patches that bring the canary in line."""

import copy

import pytest

from gatewayctl.adapters.kubernetes.client.api import VersionConflict
from gatewayctl.adapters.kubernetes.doctor.twin_diff import find_differences, sync_patch
from gatewayctl.adapters.kubernetes.workloads.objects import find_container
from tests.adapters.kubernetes.doctor.twins import ORDERS, after, container_of, pair, variables


def test_twins_that_differ_in_name_image_and_replicas_only_need_nothing() -> None:
    stable, canary = pair()
    container_of(stable)["name"], container_of(canary)["name"] = "orders", "orders-canary"
    container_of(stable)["env"] = [{"name": "APP", "value": "orders"}]
    container_of(canary)["env"] = [{"name": "APP", "value": "orders-canary"}]

    assert find_differences(stable, canary) == ()
    assert sync_patch(stable, canary) == []


def test_each_difference_is_shown_with_its_path_and_both_values() -> None:
    stable, canary = pair()
    container_of(stable).update(env=variables(LOG="info"), resources={"limits": {"memory": "128Mi"}})
    container_of(canary).update(env=variables(LOG="debug"), resources={"limits": {"memory": "64Mi"}})

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
    container_of(stable)["env"] = [variable]

    missing = find_differences(stable, canary)
    container_of(canary)["env"] = [{**variable, "value": "other"}]
    changed = find_differences(stable, canary)

    assert len(missing) == len(changed) == 1
    assert "hunter2" not in f"{missing[0]}{changed[0]}"


def test_sync_brings_in_line_what_differs_and_keeps_the_canarys_own() -> None:
    stable, canary = pair(env=[{"name": "OLD", "value": "1"}])
    container_of(stable)["env"] = [{"name": "LOG", "value": "info"}]
    stable["spec"]["template"]["metadata"]["annotations"] = {"scrape": "yes"}
    before = copy.deepcopy(canary)

    mended = after(canary, sync_patch(stable, canary))

    assert find_differences(stable, mended) == ()
    assert container_of(mended)["env"] == [{"name": "LOG", "value": "info"}]
    assert find_container(mended) == find_container(before)
    assert mended["spec"]["replicas"] == 0
    assert mended["spec"]["template"]["metadata"]["annotations"] == {"scrape": "yes"}
    assert mended["spec"]["selector"] == before["spec"]["selector"]
    assert mended["spec"]["template"]["metadata"]["labels"] == before["spec"]["template"]["metadata"]["labels"]


def test_sync_copies_no_label_that_a_service_could_choose_by() -> None:
    stable, canary = pair()
    stable["spec"]["template"]["metadata"]["labels"]["serves"] = "customers"
    container_of(stable)["args"] = ["--fast"]

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
    container_of(stable)["env"] = [{"name": "EUREKA_CLIENT_SERVICEURL_DEFAULTZONE", "value": "http://eureka"}]

    mended = after(canary, sync_patch(stable, canary))

    assert switch in container_of(mended)["env"]
    assert len(container_of(mended)["env"]) == 2


def test_a_canary_that_was_changed_since_it_was_compared_is_not_written() -> None:
    stable, canary = pair(args=["--slow"])
    operations = sync_patch(stable, canary)
    canary["metadata"]["generation"] = 2

    with pytest.raises(VersionConflict):
        after(canary, operations)


def test_an_init_container_of_the_applications_image_differs_no_more_than_the_application() -> None:
    """k12: a release gives both the same image, so in the canary both have its own."""
    stable, canary = pair()
    for one in (stable, canary):
        image = container_of(one)["image"]
        one["spec"]["template"]["spec"]["initContainers"] = [{"name": "migrate", "image": image}]

    assert find_differences(stable, canary) == ()


def test_an_init_container_that_has_an_older_image_than_its_application_is_brought_in_line() -> None:
    stable, canary = pair()
    stable["spec"]["template"]["spec"]["initContainers"] = [{"name": "migrate", "image": "shop/orders:1.0"}]
    canary["spec"]["template"]["spec"]["initContainers"] = [{"name": "migrate", "image": "shop/orders:0.9"}]

    mended = after(canary, sync_patch(stable, canary))

    assert mended["spec"]["template"]["spec"]["initContainers"][0]["image"] == "shop/orders:1.1"
