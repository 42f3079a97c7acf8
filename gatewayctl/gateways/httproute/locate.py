"""Where HTTPRoutes and their rules stand in files of Kubernetes objects, and what else there names a Service.

A rule is looked at with its route, because names, namespaces and limits are the route's.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from yaml.nodes import MappingNode, Node, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.httproute.fields import fields, items, refuse_template
from gatewayctl.gateways.httproute.matches import Match, matches_of
from gatewayctl.gateways.yamltext.document import template_mark
from gatewayctl.gateways.yamltext.fragments import Source, Unit, manifests_of, pairs_of, read
from gatewayctl.gateways.yamltext.nodes import is_null, text

_GROUP = "gateway.networking.k8s.io"
_SPOKEN = frozenset({f"{_GROUP}/v1", f"{_GROUP}/v1beta1"})
_OWN = re.compile(r"(gatewayctl-.+-canary)(-\d+)?")


@dataclass(frozen=True, slots=True, eq=False)
class Backend:
    """One backend of a rule. `namespace` is the route's where it names none; both may be empty in a file."""

    node: Node
    name: str
    namespace: str
    foreign: bool
    kind: str
    weight: str

    @property
    def idle(self) -> bool:
        """Whether it gets no request at all."""
        return self.weight == "0"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule; `owner` is the name of a canary rule of ours, without the number that keeps it unique."""

    route: "Route"
    index: int
    node: MappingNode
    name: str
    matches: tuple[Match, ...]
    backends: tuple[Backend, ...]

    @property
    def owner(self) -> str:
        """Whose canary rule it is, as `rule_name` spells it; empty for what people wrote."""
        found = _OWN.fullmatch(self.name)
        return found.group(1) if found else ""

    @property
    def line(self) -> int:
        """Where it stands in the file, from 1."""
        return self.route.unit.line(self.node)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One HTTPRoute; `parents` are what it is attached to, as kind/namespace/name."""

    unit: Unit
    node: Node
    name: str
    namespace: str
    hosts: frozenset[str]
    parents: frozenset[str]
    sequence: SequenceNode | None = None
    rules: list[Rule] = field(default_factory=list)

    @property
    def place(self) -> str:
        """How a person calls it."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """Another object of the files."""

    unit: Unit
    node: Node
    api: str
    kind: str
    name: str


@dataclass(slots=True, eq=False)
class Survey:
    """What one file holds; `old` are HTTPRoutes of versions that are not spoken here."""

    source: Source
    routes: list[Route] = field(default_factory=list)
    old: list[Thing] = field(default_factory=list)
    others: list[Thing] = field(default_factory=list)


def surveys(files: Files) -> list[Survey]:
    """Every file, read. Raises Refused, also when none of them holds an HTTPRoute that can be edited."""
    found = [survey(file) for file in files]
    for one in found:
        for thing in one.old:
            raise _old(thing)
    if not any(one.routes for one in found):
        raise _nothing(files, found)
    return found


def rules_of(found: Iterable[Survey]) -> Iterator[Rule]:
    """Every rule, in file order."""
    return (rule for one in found for route in one.routes for rule in route.rules)


@lru_cache(maxsize=8)
def survey(file: SourceFile) -> Survey:
    """What `file` holds. Raises Refused."""
    found = Survey(read(file, None))
    for unit in found.source.units:
        for root in unit.roots:
            for manifest in manifests_of(root) or ():
                _object(found, unit, manifest)
    return found


def _object(found: Survey, unit: Unit, node: Node) -> None:
    top = pairs_of(node)
    meta = pairs_of(top.get("metadata"))
    thing = Thing(unit, node, text(top.get("apiVersion")), text(top.get("kind")), text(meta.get("name")))
    if thing.kind != "HTTPRoute" or "/" not in thing.api:
        found.others.append(thing)
    elif thing.api not in _SPOKEN:
        found.old.append(thing)
    else:
        found.routes.append(_route(thing, text(meta.get("namespace"))))


def _route(thing: Thing, namespace: str) -> Route:
    unit = thing.unit
    spec = fields(unit, fields(unit, thing.node, "an HTTPRoute").get("spec"), "spec")
    listed = spec.get("rules")
    if listed is not None and not is_null(listed) and not isinstance(listed, SequenceNode):
        raise unit.unexpected(listed, "a list of rules")
    route = Route(
        unit,
        thing.node,
        thing.name,
        namespace,
        frozenset(text(one).lower() for one in items(unit, spec.get("hostnames"), "a list of host names")),
        frozenset(_parents(unit, spec.get("parentRefs"), namespace)),
        listed if isinstance(listed, SequenceNode) else None,
    )
    for index, node in enumerate(items(unit, listed, "a list of rules")):
        route.rules.append(_rule(route, index, node))
    return route


def _parents(unit: Unit, node: Node | None, namespace: str) -> Iterator[str]:
    for one in items(unit, node, "a list of parents"):
        found = fields(unit, one, "a parent")
        kind = text(found.get("kind")) or "Gateway"
        yield f"{kind}/{text(found.get('namespace')) or namespace}/{text(found.get('name'))}"


@lru_cache(maxsize=8)
def _may_be_template(unit: Unit) -> bool:
    """Cheap, and never wrong when it says no; the mark may stand in a comment or an annotation."""
    return bool(template_mark(unit.text)) or "\\" in unit.text


def _rule(route: Route, index: int, node: Node) -> Rule:
    unit = route.unit
    found = fields(unit, node, "a rule")
    if not isinstance(node, MappingNode):
        raise unit.unexpected(node, "a rule")
    if _may_be_template(unit):
        refuse_template(unit, node)
    backends = tuple(_backend(route, one) for one in items(unit, found.get("backendRefs"), "a list of backends"))
    return Rule(route, index, node, text(found.get("name")), matches_of(unit, found.get("matches")), backends)


def _backend(route: Route, node: Node) -> Backend:
    found = fields(route.unit, node, "a backend")
    named = text(found.get("namespace"))
    return Backend(
        node,
        text(found.get("name")),
        named or route.namespace,
        bool(named) and named != route.namespace,
        text(found.get("kind")) or "Service",
        text(found.get("weight")),
    )


def _old(thing: Thing) -> Refused:
    reason = f"HTTPRoute {thing.name} is written in {thing.api}: this version is gone from current clusters"
    return thing.unit.refused(thing.node, reason, hint=f"migrate it to {_GROUP}/v1 first")


def _nothing(files: Files, found: Iterable[Survey]) -> Refused:
    """Why there is nothing to edit, with the most telling reason."""
    things = [thing for one in found for thing in one.others]
    for thing in things:
        if thing.kind.endswith("Route") and thing.api.startswith(f"{_GROUP}/"):
            reason = f"{thing.kind} {thing.name} is not an HTTPRoute: only those can be routed by a header here"
            return thing.unit.refused(thing.node, reason)
    kinds = ", ".join(sorted({thing.kind for thing in things})[:10])
    tail = f", only {kinds}" if kinds else ""
    return Refused(", ".join(file.name for file in files), 0, f"holds no HTTPRoute of {_GROUP}{tail}")
