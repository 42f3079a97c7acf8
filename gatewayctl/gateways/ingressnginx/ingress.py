"""An Ingress as the dialect sees it: everything of it that shapes a request, as values."""

import re
from dataclasses import dataclass, field
from typing import Any

from yaml.nodes import Node

from gatewayctl.domain.routing import rule_name
from gatewayctl.gateways.ingressnginx.resource import CLASS_ANNOTATION, PREFIX
from gatewayctl.gateways.resource import INACTIVE_CLASS
from gatewayctl.gateways.yamltext.fragments import Fragment

_OWN_NAME = re.compile(r"(gatewayctl-[a-z0-9-]+-canary)\.(.+)")

OWN_LABEL = ("app.kubernetes.io/managed-by", "gatewayctl")
"""The label by which a store finds our objects."""

CANARY, HEADER, VALUE, WEIGHT, TOTAL = (
    f"{PREFIX}{name}"
    for name in ("canary", "canary-by-header", "canary-by-header-value", "canary-weight", "canary-weight-total")
)


@dataclass(frozen=True, slots=True, eq=False)
class Backend:
    """One path of an Ingress, or its default backend (`is_default`), and the Service that it sends to.

    `port` is a number as an int, a name as a text. `service` is empty where the backend is no Service. `host` is empty
    for every host.
    """

    node: Node
    service: str
    port: int | str
    host: str = ""
    path: str = ""
    path_type: str = ""
    is_default: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Ingress:
    """One Ingress. `tls` are its entries as the API has them; `line` counts from 1.

    `end` is the offset, in characters of its fragment, where the document ends that the Ingress is in.
    """

    fragment: Fragment
    node: Node
    name: str
    namespace: str
    class_name: str
    annotations: dict[str, str]
    labels: dict[str, str]
    tls: tuple[dict[str, Any], ...]
    end: int
    backends: list[Backend] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """`namespace/name`, or the name alone where the file gives no namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def line(self) -> int:
        """The line in the file, counted from 1."""
        return self.fragment.line(self.node)

    @property
    def owner(self) -> str:
        """For a canary of ours, the owner mark of its rule; empty for other objects."""
        found = _OWN_NAME.fullmatch(self.name)
        is_ours = self.labels.get(OWN_LABEL[0]) == OWN_LABEL[1]
        return found.group(1) if found and is_ours else ""

    @property
    def is_canary(self) -> bool:
        """Whether the controller takes it for a canary, ours or not."""
        return self.annotations.get(CANARY, "").lower() in {"true", "1", "t"}

    @property
    def is_active(self) -> bool:
        """Whether any gateway looks at it: one of ours is made without a class first."""
        return self.class_name != INACTIVE_CLASS

    @property
    def has_class(self) -> bool:
        """Whether it says which controller serves it."""
        return bool(self.class_name or self.annotations.get(CLASS_ANNOTATION))

    @property
    def header(self) -> str:
        """The header of a canary and its value, as `name: value`; empty where it asks for none."""
        name = self.annotations.get(HEADER, "")
        return f"{name}: {self.annotations.get(VALUE, 'always')}" if name else ""

    @property
    def share(self) -> int:
        """The percentage of a canary; 0 where it has no weight that is a number."""
        weight, total = self.annotations.get(WEIGHT, ""), self.annotations.get(TOTAL, "100")
        if not (weight.isdecimal() and total.isdecimal() and len(weight + total) < 12 and int(total)):
            return 0
        return int(weight) * 100 // int(total)


@dataclass(frozen=True, slots=True)
class ServiceName:
    """The name of a Service; without a namespace it stands for the only Service of that name in the files."""

    name: str
    namespace: str = ""

    def is_named_by(self, ingress: Ingress, backend: Backend) -> bool:
        """Whether a backend is this Service: it is always in the namespace of its Ingress."""
        return backend.service == self.name and self.namespace in {"", ingress.namespace}

    def __str__(self) -> str:
        return f"{self.name}.{self.namespace}" if self.namespace else self.name


def parse_service(text: str) -> ServiceName:
    """A Service from `name` or `name.namespace`, since the name of a Service has no dot."""
    name, _, namespace = text.partition(".")
    return ServiceName(name, namespace)


def canary_name(app: str, stable: str) -> str:
    """The name of the canary of an application beside stable's Ingress: that of `owner`, a dot, and stable's."""
    return f"{rule_name(app)}.{stable}"
