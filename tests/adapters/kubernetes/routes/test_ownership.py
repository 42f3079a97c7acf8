"""Which ConfigMaps are refused, and in which words."""

import copy
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.routes.ownership import check_mounts, check_object
from gatewayctl.domain.errors import ExitCode, Refused

PLACE = GatewayPlace("gateway", "app=gateway", "gateway-routes", ("rds.yaml",), 8000, 9901)
MOUNT = {"name": "routes", "mountPath": "/etc/envoy/routes"}
POD = {
    "metadata": {"name": "gateway-1"},
    "spec": {
        "containers": [{"name": "envoy", "volumeMounts": [MOUNT]}],
        "volumes": [{"name": "routes", "configMap": {"name": "gateway-routes"}}],
    },
}


def a_config_map(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "gateway-routes", **metadata}, "data": {"rds.yaml": "resources: []\n"}}


def a_pod(**spec: Any) -> dict[str, Any]:
    pod = copy.deepcopy(POD)
    pod["spec"].update(spec)
    return pod


def test_a_config_map_that_people_keep_by_hand_is_accepted() -> None:
    kept = a_config_map(
        labels={"app.kubernetes.io/managed-by": "us", "app.kubernetes.io/instance": "shop"},
        annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}", "gatewayctl.dev/write": "1f"},
        managedFields=[{"manager": "kubectl-client-side-apply"}, {"manager": "gatewayctl"}],
    )

    check_object(PLACE, kept)

    assert check_mounts(PLACE, [POD]) == ("/etc/envoy/routes",)


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm"),
        ({"annotations": {"meta.helm.sh/release-name": "gateway"}}, "Helm"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "gateway"}}, "Flux"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "gateway"}}, "Flux"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:gateway/routes"}}, "Argo CD"),
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, "Argo CD"),
        ({"managedFields": [{"manager": "argocd-controller"}]}, "argocd-controller"),
        ({"ownerReferences": [{"kind": "Gateway", "name": "shop"}]}, "Gateway shop"),
    ],
)
def test_what_somebody_would_revert_is_refused_with_his_name_and_what_to_do(metadata: Any, owner: str) -> None:
    with pytest.raises(Refused, match=f"ConfigMap gateway/gateway-routes: it belongs to .*{owner}") as caught:
        check_object(PLACE, a_config_map(**metadata))

    assert caught.value.exit_code is ExitCode.USAGE
    assert "gatewayctl rule add" in caught.value.hint


def test_an_immutable_one_is_refused() -> None:
    with pytest.raises(Refused, match="immutable"):
        check_object(PLACE, {**a_config_map(), "immutable": True})


@pytest.mark.parametrize("name", ["gateway-routes-7b2tkm5h4f", "x-mhkcd4b7t9"])
def test_a_name_that_ends_in_a_hash_is_refused(name: str) -> None:
    place = GatewayPlace("gateway", "app=gateway", name, ("rds.yaml",), 8000)

    with pytest.raises(Refused, match="hash"):
        check_object(place, a_config_map())


@pytest.mark.parametrize("name", ["gateway-production", "routes-2026-11-21", "gateway-7b2tkm5h4"])
def test_a_name_that_only_looks_a_little_like_a_hash_is_accepted(name: str) -> None:
    check_object(GatewayPlace("gateway", "app=gateway", name, ("rds.yaml",), 8000), a_config_map())


REF = {"name": "gateway-routes", "key": "rds.yaml"}


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"containers": [{"name": "e", "volumeMounts": [{**MOUNT, "subPath": "rds.yaml"}]}]}, "by subPath rds.yaml"),
        ({"containers": [{"name": "e", "volumeMounts": [{**MOUNT, "subPathExpr": "$(F)"}]}]}, "by subPath"),
        ({"containers": [{"name": "e", "env": [{"valueFrom": {"configMapKeyRef": REF}}]}]}, "environment"),
        ({"containers": [{"name": "e", "envFrom": [{"configMapRef": {"name": "gateway-routes"}}]}]}, "environment"),
        ({"containers": [{"name": "e"}], "initContainers": [{"name": "i", "volumeMounts": [MOUNT]}]}, "none of its"),
        ({"volumes": [{"name": "routes", "configMap": {"name": "another"}}]}, "none of its running containers"),
        ({"volumes": [{"name": "routes", "configMap": {**REF, "items": [{"key": "b"}]}}]}, "leaves out rds.yaml"),
        ({"volumes": None, "containers": None}, "none of its running containers"),
    ],
)
def test_a_pod_that_an_edit_would_not_reach_is_refused(spec: Any, reason: str) -> None:
    with pytest.raises(Refused, match=f"Pod gateway/gateway-1: .*{reason}") as caught:
        check_mounts(PLACE, [POD, a_pod(**spec)])

    assert caught.value.hint


@pytest.mark.parametrize(
    "spec",
    [
        {"volumes": [{"name": "routes", "projected": {"sources": [{"configMap": {"name": "gateway-routes"}}]}}]},
        {"containers": [], "initContainers": [{"name": "s", "restartPolicy": "Always", "volumeMounts": [MOUNT]}]},
        {"volumes": [{"name": "routes", "configMap": {"name": "gateway-routes", "items": [{"key": "rds.yaml"}]}}]},
        {"containers": [{"name": "e", "volumeMounts": [{**MOUNT, "mountPath": "/x", "subPath": "x"}, MOUNT]}]},
    ],
)
def test_a_pod_that_an_edit_reaches_in_another_way_is_accepted(spec: Any) -> None:
    assert check_mounts(PLACE, [a_pod(**spec)]) == ("/etc/envoy/routes",)


def test_a_gateway_without_pods_is_no_reason_to_refuse() -> None:
    assert check_mounts(PLACE, []) == ()
