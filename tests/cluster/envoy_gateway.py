"""Envoy Gateway for `make e2e-all`: its program as an image, and its kinds, both from the module that go.mod pins.

It is no part of a cluster: building it takes as long as all of Kubernetes, and one test file uses it.
"""

from pathlib import Path

from tests.cluster import containers, modules, rootfs
from tests.cluster.archive import Config, Image, archive
from tests.cluster.build import build
from tests.cluster.layers import Layer, copies
from tests.cluster.place import Cluster
from tests.cluster.programs import ENVOY_GATEWAY, MODULES, cache

VERSION = "v1.9.1"
IMAGE = "gateway/envoy-gateway:local"
_MODULE = "github.com/envoyproxy/gateway"
_KINDS = Path("charts") / "gateway-helm" / "charts" / "crds" / "crds" / "generated"
_PROGRAM = "/usr/local/bin/envoy-gateway"


def load(cluster: Cluster) -> None:
    """Bring the image into a running cluster."""
    containers.load(cluster, (archived(),))


def archived() -> Path:
    """The image's archive, after building what is missing."""
    layer = Layer("envoy-gateway", copies([(_PROGRAM, build((ENVOY_GATEWAY,)) / ENVOY_GATEWAY.name)]))
    image = Image((IMAGE,), (rootfs.base(), layer), Config((_PROGRAM,)))
    return archive("envoy-gateway", (image,), cache() / "images")


def definitions() -> tuple[Path, ...]:
    """The files of its own kinds, without which it does not start."""
    return tuple(sorted(modules.kept(f"envoy-gateway-{VERSION}", _kinds).glob("*.yaml")))


def _kinds() -> Path:
    place = MODULES / ENVOY_GATEWAY.module
    return Path(modules.downloaded(_MODULE, place, "-mod=readonly", (ENVOY_GATEWAY,))["Dir"]) / _KINDS
