"""Finds the HTTPRoutes in files of Kubernetes objects, their rules, and other objects that may name a Service.

Each rule knows its route, because names, namespaces and limits are those of the route.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from yaml.nodes import MappingNode, Node, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.api_objects import ApiObject, api_value, read_object, refuse_template
from gatewayctl.gateways.httproute.matches import HttpRouteMatch, read_matches
from gatewayctl.gateways.yamltext.cursor import Cursor
from gatewayctl.gateways.yamltext.document import template_mark
from gatewayctl.gateways.yamltext.fragments import Fragment, Source, manifests_of, read
from gatewayctl.gateways.yamltext.nodes import is_null

_GROUP = "gateway.networking.k8s.io"
_SUPPORTED = frozenset({f"{_GROUP}/v1", f"{_GROUP}/v1beta1"})
_OWNED_NAME = re.compile(r"(gatewayctl-.+-canary(-share)?)(-\d+)?")


@dataclass(frozen=True, slots=True, eq=False)
class BackendRef:
    """One backendRef of a rule. `namespace` is the route's if it names none, and may be empty in a file.

    `is_in_other_namespace` is true if it names one that is not the route's; `weight` is as written, or empty.
    """

    node: Node
    name: str
    namespace: str
    is_in_other_namespace: bool
    kind: str
    weight: str

    @property
    def has_no_traffic(self) -> bool:
        """Whether its weight is 0."""
        return self.weight == "0"


@dataclass(frozen=True, slots=True, eq=False)
class HttpRouteRule:
    """One rule of a route; `index` is its position in the list of rules, from 0."""

    route: "HttpRoute"
    index: int
    node: MappingNode
    name: str
    matches: tuple[HttpRouteMatch, ...]
    backends: tuple[BackendRef, ...]

    @property
    def owner(self) -> str:
        """For a rule of ours, its name as the domain makes it, without the number at the end; empty for other rules."""
        found = _OWNED_NAME.fullmatch(self.name)
        return found[1] if found else ""

    @property
    def is_share(self) -> bool:
        """Whether it sends a share to a canary."""
        found = _OWNED_NAME.fullmatch(self.name)
        return bool(found and found[2])

    @property
    def line(self) -> int:
        """The line in the file, counted from 1."""
        return self.route.fragment.line(self.node)


@dataclass(frozen=True, slots=True, eq=False)
class HttpRoute:
    """One HTTPRoute. `hosts` are in lower case; `parents` are its parentRefs as kind/namespace/name.

    `sequence` is the list of rules; None where there is no list.
    """

    fragment: Fragment
    node: Node
    name: str
    namespace: str
    hosts: frozenset[str]
    parents: frozenset[str]
    sequence: SequenceNode | None = None
    rules: list[HttpRouteRule] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """`namespace/name`, or the name alone where the file gives no namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(slots=True, eq=False)
class RouteFile:
    """One parsed file: its HTTPRoutes, those of API versions that are not supported (`old`), and all other objects."""

    source: Source
    routes: list[HttpRoute] = field(default_factory=list)
    old: list[ApiObject] = field(default_factory=list)
    others: list[ApiObject] = field(default_factory=list)


def read_files(files: Files) -> list[RouteFile]:
    """The files, parsed. Raises Refused, also if none of them holds an HTTPRoute that can be edited."""
    found = [read_file(file) for file in files]
    for one in found:
        for other in one.old:
            raise _old_version(other)
    if not any(one.routes for one in found):
        raise _no_route(files, found)
    return found


def rules_of(files: Iterable[RouteFile]) -> Iterator[HttpRouteRule]:
    """Every rule, in the order of the files."""
    return (rule for one in files for route in one.routes for rule in route.rules)


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
    manifest = read_object(fragment, node)
    if manifest.kind != "HTTPRoute" or "/" not in manifest.api:
        found.others.append(manifest)
    elif manifest.api not in _SUPPORTED:
        found.old.append(manifest)
    else:
        found.routes.append(_read_route(manifest))


def _read_route(manifest: ApiObject) -> HttpRoute:
    fragment = manifest.fragment
    spec = api_value(fragment, manifest.node, "an HTTPRoute").field("spec")
    rules = spec.field("rules", "a list of rules")
    listed = rules.node
    if listed is not None and not is_null(listed) and not isinstance(listed, SequenceNode):
        raise fragment.wrong_type(listed, "a list of rules")
    route = HttpRoute(
        fragment,
        manifest.node,
        manifest.name,
        manifest.namespace,
        frozenset(one.text.lower() for one in spec.field("hostnames", "a list of host names").items("a host name")),
        frozenset(_read_parents(spec.field("parentRefs", "a list of parents"), manifest.namespace)),
        listed if isinstance(listed, SequenceNode) else None,
    )
    for index, rule in enumerate(rules.items("a rule")):
        route.rules.append(_read_rule(route, index, rule))
    return route


def _read_parents(parents: Cursor, namespace: str) -> Iterator[str]:
    for one in parents.items("a parent"):
        kind = one.field("kind").text or "Gateway"
        yield f"{kind}/{one.field('namespace').text or namespace}/{one.field('name').text}"


@lru_cache(maxsize=8)
def _may_be_template(fragment: Fragment) -> bool:
    """A cheap test to be done first: False is certain, True may come from a comment or an annotation."""
    return bool(template_mark(fragment.text)) or "\\" in fragment.text


def _read_rule(route: HttpRoute, index: int, rule: Cursor) -> HttpRouteRule:
    name, node = rule.field("name").text, rule.node
    if not isinstance(node, MappingNode):
        assert node is not None  # noqa: S101 (it is an item of a list)
        raise rule.fragment.wrong_type(node, "a rule")
    if _may_be_template(rule.fragment):
        refuse_template(rule.fragment, node, "a rule")
    listed = rule.field("backendRefs", "a list of backends")
    backends = tuple(_read_backend(route, one) for one in listed.items("a backend"))
    return HttpRouteRule(route, index, node, name, read_matches(rule.field("matches", "a list of matches")), backends)


def _read_backend(route: HttpRoute, backend: Cursor) -> BackendRef:
    named, node = backend.field("namespace").text, backend.node
    assert node is not None  # noqa: S101 (it is an item of a list)
    return BackendRef(
        node,
        backend.field("name").text,
        named or route.namespace,
        bool(named) and named != route.namespace,
        backend.field("kind").text or "Service",
        backend.field("weight").text,
    )


def _old_version(route: ApiObject) -> Refused:
    reason = f"HTTPRoute {route.name} is written in {route.api}: this version is gone from current clusters"
    return route.fragment.refusal(route.node, reason, hint=f"migrate it to {_GROUP}/v1 first")


def _no_route(files: Files, found: Iterable[RouteFile]) -> Refused:
    """The error for files without an HTTPRoute, with the most specific reason."""
    others = [other for one in found for other in one.others]
    for other in others:
        if other.kind.endswith("Route") and other.api.startswith(f"{_GROUP}/"):
            reason = f"{other.kind} {other.name} is not an HTTPRoute: only those can be routed by a header here"
            return other.fragment.refusal(other.node, reason)
    kinds = ", ".join(sorted({other.kind for other in others})[:10])
    tail = f", only {kinds}" if kinds else ""
    return Refused(", ".join(file.name for file in files), 0, f"holds no HTTPRoute of {_GROUP}{tail}")
