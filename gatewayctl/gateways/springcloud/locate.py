"""Where the lists of routes stand in Spring's files, which of them a later one replaces, and what cannot be edited.

Spring never merges lists: of all that set the routes, the last one that is in effect holds all routes. Which one that
is may depend on the profile a gateway is started with.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.springcloud.configmap_properties import properties_outside
from gatewayctl.gateways.springcloud.relaxed_binding import Found, find
from gatewayctl.gateways.yamltext.fragments import Source, Unit, read
from gatewayctl.gateways.yamltext.nodes import is_null, text

OLD = "spring.cloud.gateway.routes"
NEW = "spring.cloud.gateway.server.webflux.routes"
_SERVLET = ("spring.cloud.gateway.mvc.routes", "spring.cloud.gateway.server.webmvc.routes")
_PROFILE = ("spring.config.activate.on-profile", "spring.profiles")
_LOCATOR = ("spring.cloud.gateway", "spring.cloud.gateway.server.webflux")

_SPRING = re.compile(r"^[\"']?spring\b[\w.\[\]-]*[\"']?[ \t]*:", re.MULTILINE)
_ROUTES = re.compile(r"\broutes\b")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One list of routes. `profile` says when its document counts; empty: always."""

    unit: Unit
    routes: SequenceNode
    prefix: str
    profile: str
    document: int

    @property
    def place(self) -> str:
        """How a person calls it."""
        return f"{self.prefix} ({self.profile})" if self.profile else self.prefix


@dataclass(frozen=True, slots=True, eq=False)
class Obstacle:
    """Routes that are there and cannot be edited; `what` says why."""

    unit: Unit
    node: Node
    what: str
    hint: str = ""

    def refused(self) -> Refused:
        """As a refusal."""
        return self.unit.refused(self.node, self.what, hint=self.hint)


@dataclass(slots=True, eq=False)
class Survey:
    """What one file holds; `foreign` are routes of another product, `locators` switches that are on."""

    source: Source
    tables: list[Table] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)
    foreign: list[Obstacle] = field(default_factory=list)
    locators: list[tuple[Unit, Node]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether no routes of the product were found, editable or not."""
        return not (self.tables or self.obstacles or self.foreign or self.locators)


def is_config(value: str) -> bool:
    """Whether a ConfigMap's value is a file for Spring that sets routes."""
    return _SPRING.search(value) is not None and _ROUTES.search(value) is not None


@lru_cache(maxsize=8)
def survey(file: SourceFile) -> Survey:
    """What `file` holds. Raises Refused."""
    _refuse_properties(file)
    found = Survey(read(file, is_config))
    seen: set[int] = set()
    for unit in found.source.units:
        for number, root in enumerate(unit.roots):
            _document(found, unit, root, number, seen)
    return found


def replaced(found: Survey, table: Table) -> Table | None:
    """The later list of the same file that always takes the place of `table`."""
    later = [
        one
        for one in found.tables
        if one.unit is table.unit
        and one.prefix == table.prefix
        and one.document > table.document
        and one.profile in {"", table.profile}
    ]
    return later[-1] if later else None


def first(unit: Unit, root: Node, path: str) -> Node | None:
    """The value of a property in a document."""
    return next((one.value for one in find(unit, root, _path(path)) if not one.rest), None)


def _path(name: str) -> tuple[str, ...]:
    return tuple(part.replace("-", "") for part in name.split("."))


def _refuse_properties(file: SourceFile) -> None:
    line = properties_outside(file)
    if line:
        reason = "routes written as properties: a rule above one of them would give every later one another number"
        hint = "give the file, or its key in the ConfigMap, a name that ends with .properties"
        raise Refused(file.name, line, reason, hint=hint)


def _document(found: Survey, unit: Unit, root: Node, number: int, seen: set[int]) -> None:
    profile = next((text(node) for name in _PROFILE if (node := first(unit, root, name)) is not None), "")
    for prefix in (OLD, NEW):
        one = _list(found, unit, root, prefix)
        if one is not None and id(one) not in seen:  # an alias of a list is that list
            seen.add(id(one))
            found.tables.append(Table(unit, one, prefix, profile, number))
    for prefix in _SERVLET:
        for other in find(unit, root, _path(prefix)):
            what = f"{prefix} are routes of the servlet gateway (Server MVC), whose filters are not those of WebFlux"
            found.foreign.append(Obstacle(unit, other.key, what))
    for prefix in _LOCATOR:
        switch = first(unit, root, f"{prefix}.discovery.locator.enabled")
        if switch is not None and text(switch).lower() in {"true", "on", "yes"}:
            found.locators.append((unit, switch))


def _list(found: Survey, unit: Unit, root: Node, prefix: str) -> SequenceNode | None:
    """The list of routes of a document. What else sets routes is noted. Raises Refused."""
    lists = []
    for one in find(unit, root, _path(prefix)):
        obstacle = _obstacle(unit, one, prefix)
        if obstacle:
            found.obstacles.append(obstacle)
        elif isinstance(one.value, SequenceNode):
            lists.append((one.key, one.value))
    if len(lists) > 1:
        raise unit.refused(lists[1][0], f"{prefix} is set twice in one document")
    return lists[0][1] if lists else None


def _obstacle(unit: Unit, one: Found, prefix: str) -> Obstacle | None:
    """Why a place that sets routes is no list we can edit; None for a list, and for no value at all."""
    if one.rest or (isinstance(one.value, MappingNode) and _is_numbered(one.value)):
        what = f"{prefix} is written by index: a rule above a route would give every later one another number"
        return Obstacle(unit, one.key, what, "write the routes as a list: one dash each, without numbers")
    if one.merged:
        what = f"{prefix} comes in by a merge key (<<), and may be used elsewhere as well"
        return Obstacle(unit, one.key, what, "write the routes where they count")
    if isinstance(one.value, SequenceNode) or is_null(one.value):
        return None
    raise unit.unexpected(one.value, "a list of routes")


def _is_numbered(node: MappingNode) -> bool:
    keys = [key.value.strip("[]") for key, _ in node.value if isinstance(key, ScalarNode)]
    return bool(keys) and len(keys) == len(node.value) and all(key.split(".")[0].isdigit() for key in keys)
