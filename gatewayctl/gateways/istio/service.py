"""Which destinations are the application: a Service by its name, by its namespace, or a host of another kind.

Istio adds the namespace of the VirtualService to a host without a dot, and takes every other one as it is
(https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination).
"""

from dataclasses import dataclass

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.hosts import Underivable, canary_host

_SVC = 2  # the label `svc` in SERVICE.NAMESPACE.svc.DOMAIN, from 0
_SUFFIX = "-canary"


@dataclass(frozen=True, slots=True)
class ServiceName:
    """A destination as people name it: `NAME`, `NAME.NAMESPACE`, `NAME.NAMESPACE.svc.DOMAIN`, or any other host.

    `name` is the whole host where that is no Service of Kubernetes. `namespace` and `subset` may be empty: then they
    stand for any.
    """

    name: str
    namespace: str = ""
    subset: str = ""

    def covers(self, other: "ServiceName") -> bool:
        """Whether `other`, which a file or a gateway names, is this Service."""
        return self.name == other.name and self.namespace in {"", other.namespace} and self.subset in {"", other.subset}

    def __str__(self) -> str:
        host = f"{self.name}.{self.namespace}" if self.namespace else self.name
        return f"{host}/{self.subset}" if self.subset else host


def parse_service(text: str) -> ServiceName:
    """A Service from `HOST` or `HOST/SUBSET`."""
    host, _, subset = text.partition("/")
    return resolve(host, "", subset)


def resolve(host: str, namespace: str, subset: str = "") -> ServiceName:
    """What a destination's host stands for in an object of `namespace`."""
    labels = host.split(".")
    if len(labels) == 1:
        return ServiceName(host, namespace, subset)
    if len(labels) == _SVC or labels[_SVC] == "svc":
        return ServiceName(labels[0], labels[1], subset)
    return ServiceName(host, "", subset)


def is_incomplete(host: str) -> bool:
    """Whether a host names a Service and its namespace, but not as Istio knows it: without `svc` and the domain."""
    labels = host.split(".")
    return len(labels) == _SVC or (len(labels) == _SVC + 1 and labels[_SVC] == "svc")


def canary_service(wanted: CanaryRule) -> ServiceName:
    """The canary's Service. By convention it is stable's with `-canary` at the end of its name, without a subset.

    Raises Underivable for a host from which no name follows.
    """
    stable = parse_service(wanted.service)
    if wanted.canary != f"{wanted.service}{_SUFFIX}":
        return parse_service(wanted.canary)
    if "." in stable.name:
        return ServiceName(canary_host(stable.name))
    return ServiceName(f"{stable.name}{_SUFFIX}", stable.namespace)


def spell_canary(stable_host: str, stable: ServiceName, canary: ServiceName) -> str:
    """The canary's host, spelled as the file spells stable's. Raises Underivable."""
    if "." in stable.name or "." in canary.name:
        if "." not in canary.name and not canary.namespace:
            raise Underivable(f"{stable_host} is no Service of Kubernetes, so the canary {canary} is not one beside it")
        return f"{canary.name}.{canary.namespace}.svc.cluster.local" if canary.namespace else canary.name
    if canary.namespace not in {"", stable.namespace}:
        raise Underivable(f"the canary {canary} is in another namespace than {stable}")
    _, dot, rest = stable_host.partition(".")
    return f"{canary.name}{dot}{rest}"
