"""What our own objects in a cluster are called and marked with, so that people and queries find them."""

from gatewayctl.adapters.kubernetes.client.api import Object

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "gatewayctl"
APP = "gatewayctl.dev/app"
PHASE = "gatewayctl.dev/phase"
RELEASE = "gatewayctl.dev/release"
OUTCOME = "gatewayctl.dev/outcome"


def own_name(app: str) -> str:
    """The name of an application's journal and of its lease."""
    return f"{MANAGER}-{app}"


def own_labels(app: str) -> dict[str, str]:
    """The labels of every object that we make for an application."""
    return {MANAGED_BY: MANAGER, APP: app}


def part(found: Object, key: str) -> Object:
    """A mapping inside an object; empty where there is none."""
    inner = found.get(key)
    return inner if isinstance(inner, dict) else {}


def words(found: Object, *path: str) -> dict[str, str]:
    """A mapping of text to text, at the end of `path`; what is no text is left out."""
    for key in path:
        found = part(found, key)
    return {key: value for key, value in found.items() if isinstance(value, str)}
