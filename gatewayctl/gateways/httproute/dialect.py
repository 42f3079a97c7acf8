"""How the Gateway API spells a canary rule: for each rule of stable a copy with one header more, below all others.

The place of a rule does not decide which one wins. But some products name things by it (Envoy Gateway: its clusters).
A rule above others would rename what is below it, whose requests would be misrouted for a moment.
"""

from collections.abc import Sequence
from dataclasses import replace

from yaml.nodes import MappingNode

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name, share_name
from gatewayctl.gateways.httproute.canary import canary_rule
from gatewayctl.gateways.httproute.diagnostics import explain_unrouted, notes, refuse_excess, refuse_two_namespaces
from gatewayctl.gateways.httproute.examples import examples_of
from gatewayctl.gateways.httproute.locate import HttpRoute, HttpRouteRule, RouteFile, read_file, read_files, rules_of
from gatewayctl.gateways.httproute.precedence import note_losers, refuse_outranked, refuse_thefts
from gatewayctl.gateways.httproute.service import parse_service
from gatewayctl.gateways.httproute.shares import share_rule
from gatewayctl.gateways.httproute.views import describe_rule
from gatewayctl.gateways.yamltext.edit import Edit, apply_edits

# The API leaves the meaning of a repeated header to each product; Traefik and Envoy match any of its values.
_LIMITS = Limits(
    stamp=True, shares=True, answers={LeakCase.SENT_TWICE: frozenset({Attribution.CANARY, Attribution.STABLE})}
)


class HttpRouteDialect:
    """Implements ports.Dialect for HTTPRoute objects, versions v1 and v1beta1."""

    @property
    def limits(self) -> Limits:
        """Stamps answers and sends shares; a header sent twice may match by either of its values."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every rule that sends to a backend, in file order. Raises Refused."""
        return tuple(describe_rule(rule) for rule in rules_of(read_files(files)) if rule.backends)

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every rule of its Service; one of the same owner is replaced. Raises Refused."""
        bare = _remove_rules(files, rule.app)
        parsed = read_files(bare)
        targets = [one for one in rules_of(parsed) if _is_target(one, rule)]
        if not targets:
            raise explain_unrouted(parsed, rule)
        refuse_two_namespaces(targets, rule)
        refuse_outranked(rules_of(parsed), targets, rule)
        if rule.share:
            refuse_thefts(rules_of(parsed), targets, rule)
        before = read_files(files)
        done = tuple(
            apply_edits(new.source, _additions(old, new, rule), None) for old, new in zip(before, parsed, strict=True)
        )
        refuse_excess(read_files(done), parsed, rule.app)
        return Change.between(
            files,
            done,
            covered=tuple(replace(describe_rule(one), examples=examples_of(one)) for one in targets),
            notes=(*notes(parsed, targets, rule), *note_losers(rules_of(parsed), targets, rule)),
        )

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        ours = tuple(describe_rule(one) for one in rules_of(read_files(files)) if one.owner == rule_name(app))
        return Change.between(files, _remove_rules(files, app), covered=ours)


def _is_target(rule: HttpRouteRule, wanted: CanaryRule) -> bool:
    stable = parse_service(wanted.service)
    return (
        not rule.is_share
        and rule.owner != wanted.name
        and any(stable.is_named_by(one) and not one.has_no_traffic for one in rule.backends)
    )


def _remove_rules(files: Files, app: str) -> Files:
    """The files without the rules of `app`. Raises Refused, also where there is no HTTPRoute in any of them."""
    read_files(files)
    return tuple(apply_edits(read_file(file).source, _removals(read_file(file), app), None) for file in files)


def _removals(file: RouteFile, app: str) -> list[Edit]:
    return [
        Edit(rule.route.fragment, rule.route.sequence, rule.index)
        for rule in rules_of([file])
        if rule.owner in {rule_name(app), share_name(app)} and rule.route.sequence is not None
    ]


def _additions(before: RouteFile, bare: RouteFile, wanted: CanaryRule) -> list[Edit]:
    """The rules to add to `bare`, which is the file `before` without our own."""
    edits = []
    for old, route in zip(before.routes, bare.routes, strict=True):
        made = _rules_for(route, wanted)
        places = _places(old, list(made), wanted, len(route.rules))
        if route.sequence is not None:
            edits += [Edit(route.fragment, route.sequence, place, made[name]) for name, place in places]
    return edits


def _rules_for(route: HttpRoute, wanted: CanaryRule) -> dict[str, MappingNode]:
    """Our rules of a route by their names. Those for marked requests come first: in a tie the first rule wins."""
    targets = list(enumerate((rule for rule in route.rules if _is_target(rule, wanted)), 1))
    made = {}
    for number, rule in targets:
        name = _numbered(wanted.name, number)
        made[name] = canary_rule(rule, wanted, name)
    for number, rule in targets if wanted.share else ():
        name = _numbered(wanted.share_name, number)
        made[name] = share_rule(rule, wanted, name)
    return made


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _places(old: HttpRoute, names: Sequence[str], wanted: CanaryRule, end: int) -> list[tuple[str, int]]:
    """Before which of the `end` other rules each of ours goes: where it was, or behind all.

    A rule that keeps its place moves no rule of another application. But where a rule for marked requests is missing,
    or stands below a share's, all are written anew: a share's would win.
    """
    own = {wanted.name, wanted.share_name}
    known: dict[str, int] = {}
    others = 0
    for rule in old.rules:
        if rule.owner in own:
            known[rule.name] = others
        else:
            others += 1
    places = [(name, known.get(name, end)) for name in names]
    lowest = max((place for name, place in places if not name.startswith(wanted.share_name)), default=end)
    is_kept = all(place >= lowest for name, place in places if name.startswith(wanted.share_name))
    return sorted(places, key=lambda one: one[1]) if is_kept else [(name, end) for name in names]
