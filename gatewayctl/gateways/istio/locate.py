"""Finds the VirtualServices in files of Kubernetes objects, their HTTP routes, and other objects of Istio.

Each route knows its VirtualService, because hosts, gateways and the namespace of short names are those of the object.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from yaml.nodes import MappingNode, Node, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.api_objects import ApiObject, api_value, read_object, refuse_template
from gatewayctl.gateways.istio.matches import MESH, HttpMatch, read_matches
from gatewayctl.gateways.istio.service import ServiceName, resolve
from gatewayctl.gateways.yamltext.cursor import Cursor
from gatewayctl.gateways.yamltext.document import template_mark
from gatewayctl.gateways.yamltext.fragments import Fragment, Source, manifests_of, read
from gatewayctl.gateways.yamltext.nodes import is_null

GROUP = "networking.istio.io"
_SUPPORTED = frozenset({f"{GROUP}/v1", f"{GROUP}/v1beta1", f"{GROUP}/v1alpha3"})
_OWNED_NAME = re.compile(r"(gatewayctl-.+-canary(?:-share)?)(?:-\d+)?")


@dataclass(frozen=True, slots=True, eq=False)
class Destination:
    """One destination of a route. `host` and `subset` are as written; `weight` is what Istio takes: 100 if it is the
    only one, 0 for one without a weight among others.
    """

    node: MappingNode
    host: str
    subset: str
    service: ServiceName
    weight: int

    def __str__(self) -> str:
        return f"{self.host}/{self.subset}" if self.subset else self.host


@dataclass(frozen=True, slots=True, eq=False)
class HttpRoute:
    """One item of `http`; `index` is its position from 0. `delegate` is NAMESPACE/NAME of the object it leaves to."""

    parent: "VirtualService"
    index: int
    node: MappingNode
    name: str
    matches: tuple[HttpMatch, ...]
    destinations: tuple[Destination, ...]
    delegate: str = ""

    @property
    def owner(self) -> str:
        """For a route of ours, its name without the number at the end; empty for other routes."""
        return owner_of(self.name)

    @property
    def line(self) -> int:
        """The line in the file, counted from 1."""
        return self.parent.fragment.line(self.node)

    def refusal(self, reason: str, *, hint: str = "") -> Refused:
        """A refusal that names the route's line."""
        return self.parent.fragment.refusal(self.node, reason, hint=hint)


@dataclass(frozen=True, slots=True, eq=False)
class VirtualService:
    """One VirtualService. `hosts` are in lower case; `gateways` are NAMESPACE/NAME, or `mesh` for sidecars.

    `sequence` is the list of HTTP routes; None where there is no list. `streams` are the destinations of its `tls` and
    `tcp` routes.
    """

    fragment: Fragment
    node: Node
    name: str
    namespace: str
    hosts: tuple[str, ...]
    gateways: frozenset[str]
    sequence: SequenceNode | None
    routes: list[HttpRoute] = field(default_factory=list)
    streams: list[tuple[str, Destination]] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """`namespace/name`, or the name alone where the file gives no namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(slots=True, eq=False)
class RouteFile:
    """One parsed file: its VirtualServices, and all other objects."""

    source: Source
    services: list[VirtualService] = field(default_factory=list)
    others: list[ApiObject] = field(default_factory=list)


def owner_of(name: str) -> str:
    """The mark in the name of a route of ours; empty for other names. A second route in one object ends in -2."""
    found = _OWNED_NAME.fullmatch(name)
    return found.group(1) if found else ""


def read_files(files: Files) -> list[RouteFile]:
    """The files, parsed. Raises Refused, also if none of them holds a VirtualService of Istio."""
    found = [read_file(file) for file in files]
    if not any(one.services for one in found):
        raise _no_service(files, found)
    return found


def routes_of(files: Iterable[RouteFile]) -> Iterator[HttpRoute]:
    """Every HTTP route, in the order of the files."""
    return (route for one in files for service in one.services for route in service.routes)


@lru_cache(maxsize=8)
def read_file(file: SourceFile) -> RouteFile:
    """The objects in `file`. Raises Refused."""
    found = RouteFile(read(file, None))
    for fragment in found.source.fragments:
        for root in fragment.roots:
            for manifest in manifests_of(root) or ():
                _add_object(found, fragment, manifest)
    return found


def _add_object(found: RouteFile, fragment: Fragment, node: Node) -> None:
    one = read_object(fragment, node)
    if one.kind == "VirtualService" and one.api in _SUPPORTED:
        found.services.append(_read_service(one))
    else:
        found.others.append(one)


def _read_service(manifest: ApiObject) -> VirtualService:
    fragment = manifest.fragment
    spec = api_value(fragment, manifest.node, "a VirtualService").field("spec")
    routes = spec.field("http", "a list of HTTP routes")
    listed = routes.node
    if listed is not None and not is_null(listed) and not isinstance(listed, SequenceNode):
        raise fragment.wrong_type(listed, "a list of HTTP routes")
    gateways = [one.text for one in spec.field("gateways", "a list of gateways").items("a gateway")]
    service = VirtualService(
        fragment,
        manifest.node,
        manifest.name,
        manifest.namespace,
        tuple(one.text.lower() for one in spec.field("hosts", "a list of hosts").items("a host")),
        frozenset(_full_gateway(one, manifest.namespace) for one in gateways or [MESH]),
        listed if isinstance(listed, SequenceNode) else None,
    )
    for index, route in enumerate(routes.items("an HTTP route")):
        service.routes.append(_read_route(service, index, route))
    for kind in ("tls", "tcp"):
        for route in spec.field(kind, f"a list of {kind} routes").items(f"a {kind} route"):
            service.streams.extend((kind, one) for one in _read_destinations(service, route))
    return service


def _full_gateway(name: str, namespace: str) -> str:
    return name if "/" in name or name == MESH else f"{namespace}/{name}"


@lru_cache(maxsize=8)
def _may_be_template(fragment: Fragment) -> bool:
    """A cheap test to be done first: False is certain, True may come from a comment or an annotation."""
    return bool(template_mark(fragment.text)) or "\\" in fragment.text


def _read_route(service: VirtualService, index: int, route: Cursor) -> HttpRoute:
    node = route.node
    if not isinstance(node, MappingNode):
        assert node is not None  # noqa: S101 (it is an item of a list)
        raise route.fragment.wrong_type(node, "an HTTP route")
    if _may_be_template(route.fragment):
        refuse_template(route.fragment, node, "a route")
    delegate = route.field("delegate")
    named = f"{delegate.field('namespace').text or service.namespace}/{delegate.field('name').text}"
    return HttpRoute(
        service,
        index,
        node,
        route.field("name").text,
        read_matches(route.field("match", "a list of matches")),
        tuple(_read_destinations(service, route)),
        named if delegate.fields else "",
    )


def _read_destinations(service: VirtualService, route: Cursor) -> list[Destination]:
    listed = route.field("route", "a list of destinations").items("a destination")
    return [_read_destination(service, one, is_only=len(listed) == 1) for one in listed]


def _read_destination(service: VirtualService, found: Cursor, *, is_only: bool) -> Destination:
    node, weight = found.node, found.field("weight")
    named = found.field("destination")
    host, subset = named.field("host").text, named.field("subset").text
    if not isinstance(node, MappingNode) or not host:
        assert node is not None  # noqa: S101 (it is an item of a list)
        raise found.fragment.refusal(node, "a destination without a host")
    if weight.text and not weight.text.isdecimal():
        raise weight.refusal(f"the weight {weight.text} is no whole number")
    number = 100 if is_only else int(weight.text or 0)
    return Destination(node, host, subset, resolve(host, service.namespace, subset), number)


def _no_service(files: Files, found: Iterable[RouteFile]) -> Refused:
    """The error for files without a VirtualService, with the most specific reason."""
    others = [other for one in found for other in one.others]
    for other in others:
        if other.kind == "VirtualService":
            known = ", ".join(sorted(_SUPPORTED))
            reason = f"VirtualService {other.name} is written in {other.api}: that is none of {known}"
            return other.fragment.refusal(other.node, reason)
    kinds = ", ".join(sorted({other.kind for other in others})[:10])
    tail = f", only {kinds}" if kinds else ""
    return Refused(", ".join(file.name for file in files), 0, f"holds no VirtualService of {GROUP}{tail}")
