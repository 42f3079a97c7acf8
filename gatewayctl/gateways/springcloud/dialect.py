"""How Spring Cloud Gateway spells a canary rule: a route directly above each of stable's, with the same order."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.springcloud.canary import canary_route
from gatewayctl.gateways.springcloud.configmap_properties import as_given, refuse_with_given_names
from gatewayctl.gateways.springcloud.diagnostics import no_route_refusal, no_routes_refusal, notes
from gatewayctl.gateways.springcloud.locate import SpringFile, find_replacement, is_config, read_file
from gatewayctl.gateways.springcloud.placeholders import Properties
from gatewayctl.gateways.springcloud.properties_file import as_yaml, write_back
from gatewayctl.gateways.springcloud.routes import SpringRoute, owner, routes_of, safe, views
from gatewayctl.gateways.yamltext.document import no_collection
from gatewayctl.gateways.yamltext.edit import Edit, apply_edits

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
        with no_collection(), refuse_with_given_names():
            found = _read_files(as_yaml(files))
            routes = _routes(found)
            if not routes:
                _refuse_hidden(found)
            return tuple(as_given(views(routes)))

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every route of its service; a rule of the same owner is replaced. Raises Refused."""
        with no_collection(), refuse_with_given_names():
            return write_back(files, self._insert(as_yaml(files), rule))

    def _insert(self, files: Files, rule: CanaryRule) -> Change:
        bare = _without(files, rule.app)
        found = _read_files(bare)
        _refuse_hidden(found)
        routes = _routes(found)
        hits = [route for route in routes if route.sends_to(rule)]
        covered = [route for route in hits if not route.is_off and _is_in_effect(found, route)]
        if not covered:
            raise no_route_refusal(found, routes, rule)
        _refuse_ambiguous(covered, rule)
        after = _with(found, covered, rule)
        if _without(after, rule.app) != bare:
            names = ", ".join(file.name for file in files)
            raise Refused(names, 0, "taking this rule away again would not give back the same bytes")
        idle = [route for route in hits if route not in covered]
        return Change(_stages(files, after), tuple(views(covered)), tuple(notes(found, covered, idle, rule)))

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        with no_collection(), refuse_with_given_names():
            name, read = safe(rule_name(app)), as_yaml(files)
            ours = [route for route in _routes(_read_files(read)) if owner(route.id) == name]
            return write_back(files, Change(_stages(read, _without(read, app)), tuple(views(ours))))


def _read_files(files: Files) -> tuple[SpringFile, ...]:
    found = tuple(read_file(file) for file in files)
    if all(one.is_empty for one in found):
        raise no_routes_refusal(files)
    return found


@lru_cache(maxsize=8)
def _routes(found: tuple[SpringFile, ...]) -> tuple[SpringRoute, ...]:
    lookup = Properties(found)
    return tuple(route for one in found for route in routes_of(one, lookup))


def _without(files: Files, app: str) -> Files:
    """The files without the canary routes of `app`."""
    name = safe(rule_name(app))
    found = _read_files(files)
    ours = [route for route in _routes(found) if owner(route.id) == name]
    return _applied(found, [Edit(route.fragment, route.route_list.routes, route.index) for route in ours])


def _with(found: Sequence[SpringFile], covered: Sequence[SpringRoute], rule: CanaryRule) -> Files:
    """The files with a canary route above each of `covered`."""
    numbers: dict[int, int] = {}
    edits = []
    for route in covered:
        number = numbers[id(route.route_list)] = numbers.get(id(route.route_list), 0) + 1
        edits.append(Edit(route.fragment, route.route_list.routes, route.index, canary_route(route, rule, number)))
    return _applied(found, edits)


def _applied(found: Sequence[SpringFile], edits: Iterable[Edit]) -> Files:
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.fragment.file, []).append(edit)
    return tuple(apply_edits(one.source, by_file.get(one.source.file.name, []), is_config) for one in found)


def _refuse_hidden(found: Iterable[SpringFile]) -> None:
    """Raise Refused for routes that take the place of those in lists, and cannot be edited."""
    for blocked in [each for one in found for each in one.uneditable]:
        raise blocked.refusal()


def _is_in_effect(found: Sequence[SpringFile], route: SpringRoute) -> bool:
    home = next(one for one in found if route.route_list in one.route_lists)
    return find_replacement(home, route.route_list) is None


def _refuse_ambiguous(covered: Sequence[SpringRoute], rule: CanaryRule) -> None:
    """Raise Refused where it would not be known how many routes of a running gateway have to carry the rule."""
    prefixes = {route.route_list.prefix: route for route in covered}
    if len(prefixes) > 1:
        first, second = list(prefixes.values())[:2]
        raise second.fragment.refusal(
            second.node,
            f"{rule.service} has routes under {first.route_list.prefix} and under {second.route_list.prefix}: "
            "which of them count depends on the gateway's version",
            hint="keep those that your version reads: up to 4.2 the former, since 4.3 the latter",
        )
    counts: dict[int, list[SpringRoute]] = {}
    for route in covered:
        counts.setdefault(id(route.route_list), []).append(route)
    sizes = {len(group): group[0] for group in counts.values()}
    if len(sizes) > 1:
        first, second = list(sizes.values())[:2]
        line = first.fragment.line(first.route_list.routes)
        raise second.fragment.refusal(
            second.node,
            f"{rule.service} has another number of routes in this list than in line "
            f"{line} of {first.fragment.file}, and which list counts depends on the profile",
            hint="give only the files and documents that your gateway runs with",
        )


def _stages(before: Files, after: Files) -> tuple[Files, ...]:
    """One stage: a refresh reads all files at once."""
    changed = tuple(new for old, new in zip(before, after, strict=True) if old != new)
    return (changed,) if changed else ()
