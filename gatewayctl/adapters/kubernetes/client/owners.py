"""Who besides us writes an object, as its labels, annotations, owner references and field managers tell.

An edit of what such an owner keeps is put back: at once, or with its next run.
"""

from dataclasses import dataclass
from enum import Enum, auto

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, part

_KUSTOMIZE = "kustomize.toolkit.fluxcd.io/"
_INSTANCE = "app.kubernetes.io/instance"  # by default Argo CD's mark; others use it, too


class OwnerKind(Enum):
    """What kind of owner: each comes back in another way."""

    ARGO_CD = auto()
    FLUX = auto()
    HELM = auto()
    PARENT = auto()
    """An object that this one was made by or for."""


# Who comes back first is asked first: Flux and Argo CD install charts, too, whose objects have Helm's marks.
_MARKS = (
    ("argocd.argoproj.io/", "Argo CD", OwnerKind.ARGO_CD),
    ("helm.toolkit.fluxcd.io/", "Flux (a HelmRelease)", OwnerKind.FLUX),
    (_KUSTOMIZE, "Flux (a Kustomization)", OwnerKind.FLUX),
    ("meta.helm.sh/", "Helm", OwnerKind.HELM),
)


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner, in words that name the mark it was recognised by.

    `application` is the name of Argo CD's Application, if a mark tells it. `is_controller` is false for a parent with
    which the object is only deleted.
    """

    kind: OwnerKind
    text: str
    application: str = ""
    is_controller: bool = True

    def __str__(self) -> str:
        return self.text


def find_owner(found: Object) -> Owner | None:
    """The owner that comes back first; None when nothing tells of one."""
    metadata = part(found, "metadata")
    labels, annotations = part(metadata, "labels"), part(metadata, "annotations")
    for prefix, name, kind in _MARKS:
        mark = next((key for key in (*labels, *annotations) if key.startswith(prefix)), "")
        is_off = prefix == _KUSTOMIZE and annotations.get(f"{_KUSTOMIZE}reconcile") == "disabled"
        if mark and not is_off:
            return Owner(kind, f"{name}, says {mark}", _application(labels, annotations))
    # Argo CD may mark its objects by a label that others use, too; then only its name as a field manager tells.
    writers = (str(entry.get("manager", "")) for entry in items(metadata, "managedFields"))
    writer = next((one for one in writers if one.startswith("argocd")), "")
    if writer:
        text = f"Argo CD, says the field manager {writer}"
        return Owner(OwnerKind.ARGO_CD, text, _application(labels, annotations))
    for parent in items(metadata, "ownerReferences"):
        text = f"{parent.get('kind', 'an object')} {parent.get('name', '')}, says ownerReferences"
        return Owner(OwnerKind.PARENT, text, is_controller=parent.get("controller") is True)
    if labels.get("app.kubernetes.io/managed-by") == "Helm":
        return Owner(OwnerKind.HELM, "Helm, says app.kubernetes.io/managed-by")
    return None


def _application(labels: Object, annotations: Object) -> str:
    tracked = str(annotations.get("argocd.argoproj.io/tracking-id", "")).partition(":")[0]
    return tracked or str(labels.get("argocd.argoproj.io/instance") or labels.get(_INSTANCE) or "")
