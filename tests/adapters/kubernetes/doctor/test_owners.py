"""Who would put back what a release changes in a Deployment: refused, a warning, or nobody (k13)."""

import copy
from pathlib import Path
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.paths import custom_objects
from gatewayctl.adapters.kubernetes.doctor.owners import check_owners
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.platform import Check
from tests.adapters.kubernetes.doctor.twins import pair, run_checks
from tests.adapters.kubernetes.fake_api.server import FakeApiServer, connect_to_fake

TRACKED = {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/orders"}}


def owned(**metadata: Any) -> tuple[Object, Object]:
    stable, canary = pair()
    for one in (stable, canary):
        for key, value in metadata.items():
            held = one["metadata"].setdefault(key, type(value)())
            held.update(value) if isinstance(held, dict) else held.extend(value)
    return stable, canary


def check_of(**metadata: Any) -> Check:
    return run_checks(*owned(**copy.deepcopy(metadata)))["owners"]


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (TRACKED, "Argo CD"),
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, "Argo CD"),
        ({"managedFields": [{"manager": "argocd-controller"}]}, "Argo CD, says the field manager argocd-controller"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}, "Flux (a Kustomization)"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "shop", "app.kubernetes.io/managed-by": "Helm"}}, "Flux (a Helm"),
        ({"ownerReferences": [{"kind": "Shop", "name": "main", "controller": True}]}, "Shop main"),
    ],
)
def test_an_owner_that_comes_back_by_itself_is_refused_with_what_to_do(metadata: dict[str, Any], words: str) -> None:
    check = check_of(**metadata)

    assert isinstance(check.fault, UsageFault)
    assert f"Deployment orders belongs to {words}" in check.detail
    assert "kubectl annotate deployment orders gatewayctl.dev/edits=allowed" in check.fault.hint


@pytest.mark.parametrize(
    "metadata",
    [{"labels": {"app.kubernetes.io/managed-by": "Helm"}}, {"annotations": {"meta.helm.sh/release-name": "shop"}}],
)
def test_helm_is_a_warning_with_the_consequence(metadata: dict[str, Any]) -> None:
    check = check_of(**metadata)

    assert check.fault is None
    assert "the next helm upgrade brings back the old image: put the new one in its values" in check.hint


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"labels": {"app.kubernetes.io/instance": "shop", "app.kubernetes.io/managed-by": "us"}},
        {"ownerReferences": [{"kind": "Namespace", "name": "shop"}]},
        {
            "labels": {"kustomize.toolkit.fluxcd.io/name": "shop"},
            "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
        },
        TRACKED | {"annotations": {**TRACKED["annotations"], "gatewayctl.dev/edits": "allowed"}},
    ],
)
def test_where_nobody_puts_an_edit_back_there_is_neither_fault_nor_warning(metadata: dict[str, Any]) -> None:
    check = check_of(**metadata)

    assert (check.fault, check.hint) == (None, "")


def asked(folder: Path, policy: Object) -> Check:
    """The check where Argo CD's Application may be read, and syncs as `policy` says."""
    path = custom_objects("argoproj.io/v1alpha1", "argocd", "applications", "shop")
    server = FakeApiServer({path: {"metadata": {"name": "shop"}, "spec": {"syncPolicy": policy}}})
    with connect_to_fake(folder, server) as (_, api):
        return check_owners(api, owned(**copy.deepcopy(TRACKED)))


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"automated": {}}, "Application argocd/shop syncs with the next commit"),
        ({"automated": {"selfHeal": True}}, "Application argocd/shop reverts an edit at once"),
    ],
)
def test_argo_cd_is_refused_where_it_syncs_by_itself(tmp_path: Path, policy: Object, words: str) -> None:
    check = asked(tmp_path, policy)

    assert check.fault is not None
    assert words in check.detail


@pytest.mark.parametrize("policy", [{}, {"automated": {"enabled": False, "selfHeal": True}}])
def test_argo_cd_is_a_warning_where_a_person_syncs(tmp_path: Path, policy: Object) -> None:
    check = asked(tmp_path, policy)

    assert check.fault is None
    assert "its next sync brings back the old image" in check.hint


def test_argo_cd_that_may_not_be_asked_is_refused_and_the_check_says_that_it_cannot_tell(tmp_path: Path) -> None:
    with connect_to_fake(tmp_path) as (_, api):
        check = check_owners(api, owned(**copy.deepcopy(TRACKED)))

    assert "whether that syncs by itself cannot be told" in check.detail
    assert check.fault is not None
    assert "grant get on applications.argoproj.io in argocd" in check.fault.hint
