"""Reads routes of a list: their services, their predicates, whether gatewayctl wrote them, and how they are shown."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, RouteView
from gatewayctl.gateways.springcloud.locate import RouteList, SpringFile
from gatewayctl.gateways.springcloud.relaxed_binding import fields
from gatewayctl.gateways.springcloud.uris import Lookup, is_service, names, parse_uri
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import is_null, text

STAMP_KEY = "gatewayctl"  # in a route's metadata, which the running gateway shows
WEIGHT = "Weight"  # the predicate by which the routes of a group share requests
_OURS = re.compile(r"(gatewayctl-.+-canary(?:-share)?)(-rest)?(?:-[1-9][0-9]*)?")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.:/-]")
_OFF = frozenset({"false", "off", "no"})


def safe(value: str) -> str:
    """Our text without the characters that Spring would resolve or split."""
    return _UNSAFE.sub("", value)


def owner(route_id: str) -> str:
    """The rule or the share that a route belongs to by its id; empty for routes that people wrote."""
    found = _OURS.fullmatch(route_id)
    return found[1] if found else ""


def is_rest(route_id: str) -> bool:
    """Whether a route of ours only stands for the rest of a share, and takes no requests."""
    found = _OURS.fullmatch(route_id)
    return bool(found and found[2])


def own_id(name: str, number: int) -> str:
    """The id of a route of ours. An id may occur only once, so later ones in a list get a number."""
    return f"{safe(name)}-{number}" if number > 1 else safe(name)


@dataclass(frozen=True, slots=True, eq=False)
class PredicateOrFilter:
    """One predicate or filter, in short or long form: its name and its arguments."""

    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}={','.join(self.arguments)}" if self.arguments else self.name


@dataclass(frozen=True, eq=False)
class SpringRoute:
    """A route of a list; `index` is its position, from 0."""

    route_list: RouteList
    index: int
    node: MappingNode
    lookup: Lookup

    @property
    def fragment(self) -> Fragment:
        """The text that holds it."""
        return self.route_list.fragment

    @cached_property
    def fields(self) -> dict[str, Node]:
        """Its fields by their names in lower case. Raises Refused."""
        return fields(self.fragment, self.node, "a route")

    @property
    def id(self) -> str:
        """Its id; empty if it has none."""
        return text(self.fields.get("id"))

    @property
    def uri(self) -> str:
        """Its `uri` as written."""
        return text(self.fields.get("uri"))

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The names of its service, the best one first; none if no service gets its requests."""
        return names(self.uri, self.lookup) if self.uri and not is_rest(self.id) else ()

    @property
    def is_off(self) -> bool:
        """Whether the file switches it off."""
        return text(self.fields.get("enabled")).lower() in _OFF

    @property
    def takes_share(self) -> bool:
        """Whether it takes a share of the requests of a group of routes. Raises Refused."""
        return any(predicate.name == WEIGHT for predicate in self.definitions("predicates"))

    def sends_to(self, rule: CanaryRule) -> bool:
        """Whether people wrote it, and it sends to the service of `rule`."""
        return not owner(self.id) and is_service(self.targets, rule.service)

    def definitions(self, name: str) -> list[PredicateOrFilter]:
        """Its `predicates` or its `filters`. Raises Refused if they are not a list."""
        listed = self.fields.get(name)
        if listed is None or is_null(listed):
            return []
        if not isinstance(listed, SequenceNode):
            raise self.fragment.wrong_type(listed, f"a list of {name}")
        return [_read_definition(self.fragment, one) for one in listed.value]


def routes_of(found: SpringFile, lookup: Lookup) -> Iterator[SpringRoute]:
    """Every route of a file. Raises Refused."""
    for route_list in found.route_lists:
        for index, node in enumerate(route_list.routes.value):
            whole = _write_out(node, route_list) if isinstance(node, ScalarNode) else node
            if not isinstance(whole, MappingNode):
                raise route_list.fragment.wrong_type(node, "a route")
            yield SpringRoute(route_list, index, whole, lookup)


def _write_out(node: ScalarNode, route_list: RouteList) -> Node:
    """The fields of a route in one text (`id=uri,predicate,...`), as Spring's RouteDefinition(String) reads it."""
    name, _, rest = str(node.value).partition("=")
    parts = [part.strip() for part in rest.split(",") if part.strip()]
    if not name or not parts:
        return node

    def scalar(value: str, style: str | None = '"') -> ScalarNode:
        return ScalarNode("", value, node.start_mark, node.end_mark, style=style)

    flow = route_list.routes.flow_style
    listed = SequenceNode("", [scalar(one) for one in parts[1:]], node.start_mark, node.end_mark, flow_style=flow)
    values: dict[str, Node] = {"id": scalar(name), "uri": scalar(parts[0]), "predicates": listed}
    pairs = [(scalar(key, None), value) for key, value in values.items()]
    return MappingNode("", pairs, node.start_mark, node.end_mark, flow_style=flow)


def views(routes: Iterable[SpringRoute]) -> list[RouteView]:
    """Routes as they are shown to people.

    A rule is counted once: of several lists that hold it, only one is in effect at a time.
    """
    shown = [route for route in routes if route.targets]
    counted = {owner(route.id): id(route.route_list) for route in shown if owner(route.id)}
    return [_view(route, counted) for route in shown]


def _view(route: SpringRoute, counted: dict[str, int]) -> RouteView:
    ours = owner(route.id)
    predicates, unread = _readable_predicates(route)
    header, share = "", 0
    if ours and predicates and predicates[-1].name == "Header":
        header = ": ".join(predicates.pop().arguments)
    elif ours and predicates and predicates[-1].name == WEIGHT:
        share = _percent(predicates.pop())
    in_effect = counted.get(ours) == id(route.route_list)
    return RouteView(
        file=route.fragment.file,
        line=route.fragment.line(route.node),
        place=route.route_list.place,
        match=unread or " ".join(str(one) for one in predicates),
        target=route.targets[0],
        name=(ours if in_effect else f"{ours} in {route.route_list.place}") if ours else route.id,
        header=header,
        share=share,
        looked_up=any(uri.is_balanced for uri in map(parse_uri, route.targets) if uri),
    )


def _percent(weight: PredicateOrFilter) -> int:
    """The weight of a share of ours, which is its percentage; 0 for what somebody made of it that is no number."""
    last = weight.arguments[-1] if weight.arguments else ""
    return int(last) if last.isascii() and last.isdecimal() else 0


def _read_definition(fragment: Fragment, node: Node) -> PredicateOrFilter:
    if isinstance(node, ScalarNode):
        name, _, rest = str(node.value).partition("=")
        return PredicateOrFilter(name.strip(), tuple(one.strip() for one in rest.split(",")) if rest.strip() else ())
    found = fields(fragment, node, "a predicate or filter")
    return PredicateOrFilter(text(found.get("name")), tuple(_arguments(found)))


def _arguments(found: dict[str, Node]) -> Iterator[str]:
    """The scalars in the arguments of a long form. `args` may be a mapping, or several dotted keys."""
    for name, node in found.items():
        if not name.startswith("args"):
            continue
        parts = [value for _, value in node.value] if isinstance(node, MappingNode) else [node]
        for part in parts:
            inner = part.value if isinstance(part, SequenceNode) else [part]
            yield from (str(one.value) for one in inner if isinstance(one, ScalarNode))


def _readable_predicates(route: SpringRoute) -> tuple[list[PredicateOrFilter], str]:
    """The predicates, or why there are none to show: Spring also reads one text with commas, and numbered keys.

    Only an edit of this route is refused for it.
    """
    try:
        return route.definitions("predicates"), ""
    except Refused:
        return [], "(predicates in a form that is not read)"
