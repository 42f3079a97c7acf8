"""How Spring Cloud Gateway spells a canary rule: a route directly above each of stable's, with the same order."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.springcloud.canary import canary_route
from gatewayctl.gateways.springcloud.configmap_properties import as_given, named_as_given
from gatewayctl.gateways.springcloud.diagnostics import empty, notes, unrouted
from gatewayctl.gateways.springcloud.locate import Survey, is_config, replaced, survey
from gatewayctl.gateways.springcloud.placeholders import Properties
from gatewayctl.gateways.springcloud.properties_file import as_yaml, written_back
from gatewayctl.gateways.springcloud.routes import Route, owner, routes_of, safe, views
from gatewayctl.gateways.yamltext.edit import Edit, edited

# Since 4.2 a header's lines are split at commas, and one match among the parts is enough.
_EITHER = frozenset({Attribution.CANARY, Attribution.STABLE})
_LIMITS = Limits(stamp=True, answers={LeakCase.SENT_TWICE: _EITHER, LeakCase.COMMA_LIST: _EITHER})


class SpringCloudDialect:
    """Implements ports.Dialect for the routes of Spring Cloud Gateway (WebFlux) in YAML and properties."""

    @property
    def limits(self) -> Limits:
        """Stamps answers; a header sent twice or with a comma may match by any of its values."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every route that sends to an upstream, in file order. Raises Refused."""
        with named_as_given():
            found = _surveys(as_yaml(files))
            routes = _routes(found)
            if not routes:
                _refuse_hidden(found)
            return tuple(as_given(views(routes)))

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every route of its service; a rule of the same owner is replaced. Raises Refused."""
        with named_as_given():
            return written_back(files, _insert(as_yaml(files), rule))

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        with named_as_given():
            name, read = safe(rule_name(app)), as_yaml(files)
            ours = [route for route in _routes(_surveys(read)) if owner(route.id) == name]
            return written_back(files, Change.between(read, _without(read, app), covered=tuple(views(ours))))


def _insert(files: Files, rule: CanaryRule) -> Change:
    """The edit of files in YAML."""
    found = _surveys(_without(files, rule.app))
    _refuse_hidden(found)
    routes = _routes(found)
    hits = [route for route in routes if route.sends_to(rule)]
    covered = [route for route in hits if not route.is_off and _is_in_effect(found, route)]
    if not covered:
        raise unrouted(found, routes, rule)
    _refuse_ambiguous(covered, rule)
    after = _with(found, covered, rule)
    idle = [route for route in hits if route not in covered]
    return Change.between(files, after, covered=tuple(views(covered)), notes=tuple(notes(found, covered, idle, rule)))


def _surveys(files: Files) -> tuple[Survey, ...]:
    found = tuple(survey(file) for file in files)
    if all(one.is_empty for one in found):
        raise empty(files)
    return found


@lru_cache(maxsize=8)
def _routes(found: tuple[Survey, ...]) -> tuple[Route, ...]:
    lookup = Properties(found)
    return tuple(route for one in found for route in routes_of(one, lookup))


def _without(files: Files, app: str) -> Files:
    """The files without the canary routes of `app`."""
    name = safe(rule_name(app))
    found = _surveys(files)
    ours = [route for route in _routes(found) if owner(route.id) == name]
    return _applied(found, [Edit(route.unit, route.table.routes, route.index) for route in ours])


def _with(found: Sequence[Survey], covered: Sequence[Route], rule: CanaryRule) -> Files:
    """The files with a canary route above each of `covered`."""
    numbers: dict[int, int] = {}
    edits = []
    for route in covered:
        number = numbers[id(route.table)] = numbers.get(id(route.table), 0) + 1
        edits.append(Edit(route.unit, route.table.routes, route.index, canary_route(route, rule, number)))
    return _applied(found, edits)


def _applied(found: Sequence[Survey], edits: Iterable[Edit]) -> Files:
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.unit.file, []).append(edit)
    return tuple(edited(one.source, by_file.get(one.source.file.name, []), is_config) for one in found)


def _refuse_hidden(found: Iterable[Survey]) -> None:
    """Raise Refused for routes that take the place of those in lists, and cannot be edited."""
    for obstacle in [each for one in found for each in one.obstacles]:
        raise obstacle.refused()


def _is_in_effect(found: Sequence[Survey], route: Route) -> bool:
    home = next(one for one in found if route.table in one.tables)
    return replaced(home, route.table) is None


def _refuse_ambiguous(covered: Sequence[Route], rule: CanaryRule) -> None:
    """Raise Refused where it would not be known how many routes of a running gateway have to carry the rule."""
    prefixes = {route.table.prefix: route for route in covered}
    if len(prefixes) > 1:
        first, second = list(prefixes.values())[:2]
        raise second.unit.refused(
            second.node,
            f"{rule.service} has routes under {first.table.prefix} and under {second.table.prefix}: which of them "
            "count depends on the gateway's version",
            hint="keep those that your version reads: up to 4.2 the former, since 4.3 the latter",
        )
    counts: dict[int, list[Route]] = {}
    for route in covered:
        counts.setdefault(id(route.table), []).append(route)
    sizes = {len(group): group[0] for group in counts.values()}
    if len(sizes) > 1:
        first, second = list(sizes.values())[:2]
        raise second.unit.refused(
            second.node,
            f"{rule.service} has another number of routes in this list than in line "
            f"{first.unit.line(first.table.routes)} of {first.unit.file}, and which list counts depends on the profile",
            hint="give only the files and documents that your gateway runs with",
        )
