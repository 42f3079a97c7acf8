"""Finds the lists of routes in Spring's files, the list that replaces another one, and what cannot be edited.

Spring never merges lists: of all that set the routes, only the last one counts. Which one that is may depend on the
profile that a gateway is started with.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.springcloud.configmap_properties import properties_outside
from gatewayctl.gateways.springcloud.relaxed_binding import PropertyNode, find_property
from gatewayctl.gateways.yamltext.fragments import Fragment, Source, read
from gatewayctl.gateways.yamltext.nodes import is_null, text

OLD = "spring.cloud.gateway.routes"
NEW = "spring.cloud.gateway.server.webflux.routes"
_SERVLET = ("spring.cloud.gateway.mvc.routes", "spring.cloud.gateway.server.webmvc.routes")
_PROFILE = ("spring.config.activate.on-profile", "spring.profiles")
_LOCATOR = ("spring.cloud.gateway", "spring.cloud.gateway.server.webflux")

_ON = frozenset({"true", "on", "yes"})

_SPRING = re.compile(r"^[\"']?spring\b[\w.\[\]-]*[\"']?[ \t]*:", re.MULTILINE)
_ROUTES = re.compile(r"\broutes\b")


@dataclass(frozen=True, slots=True, eq=False)
class RouteList:
    """One list of routes. Its document counts under `profile` only; always if that is empty.

    `document` is the number of the document in its text.
    """

    fragment: Fragment
    routes: SequenceNode
    prefix: str
    profile: str
    document: int

    @property
    def place(self) -> str:
        """The property, and the profile if there is one, as shown to people."""
        return f"{self.prefix} ({self.profile})" if self.profile else self.prefix


@dataclass(frozen=True, slots=True, eq=False)
class UneditableRoutes:
    """Routes that cannot be edited; `what` is the reason."""

    fragment: Fragment
    node: Node
    what: str
    hint: str = ""

    def refusal(self) -> Refused:
        """The refusal of an edit because of them."""
        return self.fragment.refusal(self.node, self.what, hint=self.hint)


@dataclass(slots=True, eq=False)
class SpringFile:
    """The parts of one file. `foreign` are routes of the servlet gateway, `locators` discovery locators that are on."""

    source: Source
    route_lists: list[RouteList] = field(default_factory=list)
    uneditable: list[UneditableRoutes] = field(default_factory=list)
    foreign: list[UneditableRoutes] = field(default_factory=list)
    locators: list[tuple[Fragment, Node]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether no routes of the product were found, editable or not."""
        return not (self.route_lists or self.uneditable or self.foreign or self.locators)


def is_config(value: str) -> bool:
    """Whether a ConfigMap's value is a file for Spring that sets routes."""
    return _SPRING.search(value) is not None and _ROUTES.search(value) is not None


@lru_cache(maxsize=8)
def read_file(file: SourceFile) -> SpringFile:
    """The parts of `file`. Raises Refused."""
    _refuse_properties(file)
    found = SpringFile(read(file, is_config))
    seen: set[int] = set()
    for fragment in found.source.fragments:
        for number, root in enumerate(fragment.roots):
            _read_document(found, fragment, root, number, seen)
    return found


def find_replacement(found: SpringFile, route_list: RouteList) -> RouteList | None:
    """The later list of the same text that always replaces `route_list`; None if there is none."""
    later = [
        one
        for one in found.route_lists
        if one.fragment is route_list.fragment
        and one.prefix == route_list.prefix
        and one.document > route_list.document
        and one.profile in {"", route_list.profile}
    ]
    return later[-1] if later else None


def first(fragment: Fragment, root: Node, path: str) -> Node | None:
    """The value of a property in a document; None if it is not set. Raises Refused."""
    return next((one.value for one in find_property(fragment, root, _path(path)) if not one.rest), None)


def _path(name: str) -> tuple[str, ...]:
    return tuple(part.replace("-", "") for part in name.split("."))


def _refuse_properties(file: SourceFile) -> None:
    line = properties_outside(file)
    if line:
        reason = "routes written as properties: a rule above one of them would give every later one another number"
        hint = "give the file, or its key in the ConfigMap, a name that ends with .properties"
        raise Refused(file.name, line, reason, hint=hint)


def _read_document(found: SpringFile, fragment: Fragment, root: Node, number: int, seen: set[int]) -> None:
    """Add what the document `root`, the `number`th of its text, sets. `seen` are lists that were read before."""
    profile = next((text(node) for name in _PROFILE if (node := first(fragment, root, name)) is not None), "")
    for prefix in (OLD, NEW):
        routes = _list(found, fragment, root, prefix)
        if routes is not None and id(routes) not in seen:  # an alias of a list is that list
            seen.add(id(routes))
            found.route_lists.append(RouteList(fragment, routes, prefix, profile, number))
    found.foreign += _servlet_routes(fragment, root)
    found.locators += _locators(fragment, root)


def _servlet_routes(fragment: Fragment, root: Node) -> Iterator[UneditableRoutes]:
    for prefix in _SERVLET:
        for one in find_property(fragment, root, _path(prefix)):
            reason = f"{prefix} are routes of the servlet gateway (Server MVC), whose filters are not those of WebFlux"
            yield UneditableRoutes(fragment, one.key, reason)


def _locators(fragment: Fragment, root: Node) -> Iterator[tuple[Fragment, Node]]:
    for prefix in _LOCATOR:
        switch = first(fragment, root, f"{prefix}.discovery.locator.enabled")
        if switch is not None and text(switch).lower() in _ON:
            yield fragment, switch


def _list(found: SpringFile, fragment: Fragment, root: Node, prefix: str) -> SequenceNode | None:
    """The list of routes of a document; adds routes that cannot be edited to `found`. Raises Refused."""
    lists = []
    for one in find_property(fragment, root, _path(prefix)):
        blocked = _find_uneditable(fragment, one, prefix)
        if blocked:
            found.uneditable.append(blocked)
        elif isinstance(one.value, SequenceNode):
            lists.append((one.key, one.value))
    if len(lists) > 1:
        raise fragment.refusal(lists[1][0], f"{prefix} is set twice in one document")
    return lists[0][1] if lists else None


def _find_uneditable(fragment: Fragment, one: PropertyNode, prefix: str) -> UneditableRoutes | None:
    """Why routes cannot be edited where `one` sets them; None for a list, and if there is no value. Raises Refused."""
    if one.rest or (isinstance(one.value, MappingNode) and _is_numbered(one.value)):
        what = f"{prefix} is written by index: a rule above a route would give every later one another number"
        return UneditableRoutes(fragment, one.key, what, "write the routes as a list: one dash each, without numbers")
    if one.merged:
        what = f"{prefix} comes in by a merge key (<<), and may be used elsewhere as well"
        return UneditableRoutes(fragment, one.key, what, "write the routes where they count")
    if isinstance(one.value, SequenceNode) or is_null(one.value):
        return None
    raise fragment.wrong_type(one.value, "a list of routes")


def _is_numbered(node: MappingNode) -> bool:
    keys = [key.value.strip("[]") for key, _ in node.value if isinstance(key, ScalarNode)]
    return bool(keys) and len(keys) == len(node.value) and all(key.split(".")[0].isdigit() for key in keys)
