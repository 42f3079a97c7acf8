"""Names, labels and annotations of our own objects in a cluster, by which people and queries find them."""

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "gatewayctl"
APP = "gatewayctl.dev/app"
PHASE = "gatewayctl.dev/phase"
RELEASE = "gatewayctl.dev/release"
OUTCOME = "gatewayctl.dev/outcome"
WRITE = "gatewayctl.dev/write"
"""Annotation with a nonce: which write of ours to this object was the last one."""
IMAGE = "gatewayctl.dev/image"
"""Annotation with the image that our last write of one asked for; a webhook may have stored another."""

EDITS = "gatewayctl.dev/edits"
"""Annotation of a team on a Deployment: `allowed` says that its owner leaves image and replicas alone."""

WAITING = "gatewayctl.dev/waiting"
"""Annotation of the routes: how many releases waited to write them when they were written last; absent for none."""
TURNS = "gatewayctl-turns"
"""The Lease in a gateway's namespace that has the lines of those releases."""

ROUTES = "gatewayctl-routes"
"""The Lease in a gateway's namespace whose mark is the version of its routes, where these are objects of their own."""


def own_name(app: str) -> str:
    """The name of an application's journal and of its lease."""
    return f"{MANAGER}-{app}"


def own_labels(app: str) -> dict[str, str]:
    """The labels of every object that we make for an application."""
    return {MANAGED_BY: MANAGER, APP: app}
