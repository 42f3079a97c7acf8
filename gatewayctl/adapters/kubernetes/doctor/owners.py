"""Whether somebody would put back what a release changes in the two Deployments, and what to do about it.

An owner that comes back by itself would undo a release in the middle, so it is refused before anything is touched. One
that comes back only when a person runs it is a warning with the consequence.
"""

from collections.abc import Iterable

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, Object
from gatewayctl.adapters.kubernetes.client.json import name_of, part
from gatewayctl.adapters.kubernetes.client.names import EDITS
from gatewayctl.adapters.kubernetes.client.owners import Owner, OwnerKind, find_owner
from gatewayctl.adapters.kubernetes.client.paths import custom_objects
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.platform import Check

_NAME = "owners"
_ARGO_CD = ("argoproj.io/v1alpha1", "argocd", "applications")  # its API, and the namespace that it is installed in
_ALLOWED = "allowed"


def check_owners(api: Api, deployments: Iterable[Object]) -> Check:
    """The check of the owners of these Deployments; one request for an Application of Argo CD, if there is one."""
    checks = [_check_one(api, one) for one in deployments]
    refused = next((check for check in checks if check.fault), None)
    warned = next((check for check in checks if check.hint), None)
    return refused or warned or Check(_NAME, "; ".join(dict.fromkeys(check.detail for check in checks)))


def _check_one(api: Api, deployment: Object) -> Check:
    owner, name = find_owner(deployment), f"Deployment {name_of(deployment)}"
    if owner is None or not owner.is_controller:
        return Check(_NAME, "nobody else keeps the two Deployments")
    if part(deployment, "metadata", "annotations").get(EDITS) == _ALLOWED:
        return Check(_NAME, f"{name} belongs to {owner}; it leaves image and replicas alone, says {EDITS}")
    match owner.kind:
        case OwnerKind.HELM:
            return Check(
                _NAME,
                f"{name} belongs to {owner}",
                hint="the next helm upgrade brings back the old image: put the new one in its values once promoted",
            )
        case OwnerKind.ARGO_CD:
            return _check_argo_cd(api, name, owner)
        case OwnerKind.FLUX:
            return _refused(name, owner, "which reverts image and replicas", "suspend it for the release")
        case OwnerKind.PARENT:
            return _refused(name, owner, "whose controller reverts image and replicas", "stop it for the release")


def _check_argo_cd(api: Api, name: str, owner: Owner) -> Check:
    """Argo CD reverts an edit only where its Application syncs by itself. That is asked, where it may be."""
    group, namespace, plural = _ARGO_CD
    place, _, application = owner.application.rpartition("_")  # an Application of another namespace has that before it
    where = f"Application {place or namespace}/{application}"
    try:
        if not application:
            raise ApiFault(0, "no mark names its Application")
        found = api.get(custom_objects(group, place or namespace, plural, application))
    except ApiFault as fault:
        reason = f"and whether that syncs by itself cannot be told: {fault}"
        return _refused(name, owner, reason, f"grant get on {plural}.argoproj.io in {place or namespace}, so it can be")
    automated = part(found, "spec", "syncPolicy").get("automated")
    if isinstance(automated, dict) and automated.get("enabled") is not False:
        way = "reverts an edit at once" if automated.get("selfHeal") is True else "syncs with the next commit"
        return _refused(name, owner, f"{where} {way}", "turn automated sync off for the release")
    return Check(
        _NAME,
        f"{name} belongs to {owner}; {where} does not sync by itself",
        hint="its next sync brings back the old image: put the new one in its source once promoted",
    )


def _refused(name: str, owner: Owner, reason: str, cure: str) -> Check:
    hint = (
        f"{cure}; or, where it leaves image and replicas alone (Argo CD: ignoreDifferences), say so: "
        f"kubectl annotate deployment {name.partition(' ')[2]} {EDITS}={_ALLOWED}"
    )
    fault = UsageFault(f"{name} belongs to {owner}, {reason}", hint=hint)
    return Check(_NAME, str(fault), fault)
