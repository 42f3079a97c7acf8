"""How Spring Cloud Gateway spells a canary rule: a route directly above each route of stable, with the same order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name, share_name
from gatewayctl.gateways.springcloud.canary import canary_route, header_predicate
from gatewayctl.gateways.springcloud.configmap_properties import as_given, refuse_with_given_names
from gatewayctl.gateways.springcloud.diagnostics import (
    LeftOut,
    no_route_refusal,
    no_routes_refusal,
    notes,
    share_refusal,
)
from gatewayctl.gateways.springcloud.examples import example_of
from gatewayctl.gateways.springcloud.locate import SpringFile, find_replacement, is_config, read_file
from gatewayctl.gateways.springcloud.placeholders import Properties
from gatewayctl.gateways.springcloud.properties_file import as_yaml, write_back
from gatewayctl.gateways.springcloud.routes import SpringRoute, own_id, owner, routes_of, safe, views
from gatewayctl.gateways.springcloud.shares import group_of, refuse_taken_groups, share_routes
from gatewayctl.gateways.yamltext.edit import Edit, apply_edits

# Since 4.2 a header's lines are split at commas, and one match among the parts is enough.
_EITHER = frozenset({Attribution.CANARY, Attribution.STABLE})
_LIMITS = Limits(
    stamp=True, by_uri=True, shares=True, answers={LeakCase.SENT_TWICE: _EITHER, LeakCase.COMMA_LIST: _EITHER}
)


class SpringCloudDialect:
    """Implements ports.Dialect for the routes of Spring Cloud Gateway (WebFlux) in YAML and properties."""

    @property
    def limits(self) -> Limits:
        """Stamps answers, sends shares, takes a URI; a header sent twice or with a comma may match by any value."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every route that sends to an upstream, in file order. Raises Refused."""
        with refuse_with_given_names():
            parsed = _parse(as_yaml(files))
            routes = _routes(parsed)
            if not routes:
                _refuse_hidden(parsed)
            return tuple(as_given(views(routes)))

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every route of its service; a rule of the same owner is replaced. Raises Refused."""
        with refuse_with_given_names():
            return write_back(files, _insert(as_yaml(files), rule))

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        with refuse_with_given_names():
            name, texts = safe(rule_name(app)), as_yaml(files)
            ours = [route for route in _routes(_parse(texts)) if owner(route.id) == name]
            return write_back(files, Change.between(texts, _remove_routes(texts, app), covered=tuple(views(ours))))


def _insert(files: Files, rule: CanaryRule) -> Change:
    """The edit of files in YAML."""
    parsed = _parse(_remove_routes(files, rule.app))
    _refuse_hidden(parsed)
    routes = _routes(parsed)
    hits = [route for route in routes if route.sends_to(rule)]
    in_effect = [route for route in hits if not route.is_off and _is_in_effect(parsed, route)]
    if not in_effect:
        raise no_route_refusal(parsed, routes, rule)
    covered = [route for route in in_effect if not route.takes_share]
    if not covered:
        raise share_refusal(in_effect[0])
    _refuse_ambiguous(covered, rule)
    after = _add_routes(parsed, covered, rule)
    left_out = LeftOut(
        idle=tuple(route for route in hits if route not in in_effect),
        shares=tuple(route for route in in_effect if route.takes_share),
        broken=tuple(route for route in routes if not route.uri),
    )
    shown = zip(views(covered), covered, strict=True)
    described = tuple(replace(view, examples=(example_of(route),)) for view, route in shown)
    return Change.between(files, after, covered=described, notes=tuple(notes(parsed, covered, left_out, rule)))


def _parse(files: Files) -> tuple[SpringFile, ...]:
    """Every file, parsed. Raises Refused, also where there is nothing of Spring Cloud Gateway in any of them."""
    parsed = tuple(read_file(file) for file in files)
    if all(one.is_empty for one in parsed):
        raise no_routes_refusal(files)
    return parsed


@lru_cache(maxsize=8)
def _routes(parsed: tuple[SpringFile, ...]) -> tuple[SpringRoute, ...]:
    lookup = Properties(parsed)
    return tuple(route for one in parsed for route in routes_of(one, lookup))


def _remove_routes(files: Files, app: str) -> Files:
    """The files without the canary routes of `app`."""
    names = {safe(rule_name(app)), safe(share_name(app))}
    parsed = _parse(files)
    ours = [route for route in _routes(parsed) if owner(route.id) in names]
    return _apply(parsed, [Edit(route.fragment, route.route_list.routes, route.index) for route in ours])


def _add_routes(parsed: Sequence[SpringFile], covered: Sequence[SpringRoute], rule: CanaryRule) -> Files:
    """The files with our routes above each of `covered`: that for marked requests first, then those of the share."""
    numbers: dict[int, int] = {}
    edits, groups = [], []
    for route in covered:
        number = numbers[id(route.route_list)] = numbers.get(id(route.route_list), 0) + 1
        made = [canary_route(route, rule, own_id(rule.name, number), header_predicate(rule))]
        if rule.share:
            groups.append(group_of(own_id(rule.share_name, number), rule.share))
            made += share_routes(route, rule, number)
        edits += [Edit(route.fragment, route.route_list.routes, route.index, one) for one in made]
    refuse_taken_groups(_routes(tuple(parsed)), groups)
    return _apply(parsed, edits)


def _apply(parsed: Sequence[SpringFile], edits: Iterable[Edit]) -> Files:
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.fragment.file, []).append(edit)
    return tuple(apply_edits(one.source, by_file.get(one.source.file.name, []), is_config) for one in parsed)


def _refuse_hidden(parsed: Iterable[SpringFile]) -> None:
    """Raise Refused for routes that are used instead of those in lists, and that cannot be edited."""
    for blocked in [each for one in parsed for each in one.uneditable]:
        raise blocked.refusal()


def _is_in_effect(parsed: Sequence[SpringFile], route: SpringRoute) -> bool:
    """Whether no later document replaces the list that holds the route."""
    file = next(one for one in parsed if route.route_list in one.route_lists)
    return find_replacement(file, route.route_list) is None


def _refuse_ambiguous(covered: Sequence[SpringRoute], rule: CanaryRule) -> None:
    """Raise Refused where the files do not say how many routes of a running gateway must have the rule."""
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
