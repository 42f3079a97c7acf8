"""The JSON Patch by which a Deployment gets an image, a number of replicas, or only a new version."""

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import part
from gatewayctl.adapters.kubernetes.client.names import IMAGE, WRITE
from gatewayctl.adapters.kubernetes.workloads.objects import containers_of_image


def image_operations(now: Object, container: str, image: str) -> list[Object]:
    """Give `image` to the application's container, and to every other one that has the same image now."""
    operations: list[Object] = []
    for path, name in containers_of_image(now, container):
        operations.append({"op": "test", "path": f"{path}/name", "value": name})
        operations.append({"op": "replace", "path": f"{path}/image", "value": image})
    return [*operations, {"op": "add", "path": _annotation(IMAGE), "value": image}]


def write_operations(now: Object, mine: str, image: list[Object], replicas: int | None) -> list[Object]:
    """A JSON Patch that does nothing unless the Deployment still has the uid and generation that were read.

    `mine` is the nonce of this write, `image` what `image_operations` made.
    """
    meta = part(now, "metadata")
    tests: list[Object] = [
        {"op": "test", "path": "/metadata/uid", "value": meta.get("uid")},
        {"op": "test", "path": "/metadata/generation", "value": meta.get("generation")},
    ]
    writes: list[Object] = []
    if part(meta, "annotations"):
        writes.append({"op": "add", "path": _annotation(WRITE), "value": mine})
    else:
        # The first annotation creates the mapping of annotations, which others may create at the same time.
        tests.append({"op": "test", "path": "/metadata/resourceVersion", "value": meta.get("resourceVersion")})
        writes.append({"op": "add", "path": "/metadata/annotations", "value": {WRITE: mine}})
    if replicas is not None:
        writes.append({"op": "add", "path": "/spec/replicas", "value": replicas})
    return [*tests, *writes, *image]


def _annotation(name: str) -> str:
    return f"/metadata/annotations/{name.replace('/', '~1')}"
