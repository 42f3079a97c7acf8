"""How the Gateway API spells a canary rule: for each rule of stable's one with one header more, below all others.

What wins does not depend on the place. But products name things by it (Envoy Gateway: its clusters), and of a rule put
above others each one below would have a moment in which its requests go astray.
"""

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.httproute.canary import canary_rule
from gatewayctl.gateways.httproute.diagnostics import explain_unrouted, notes, refuse_excess, refuse_two_namespaces
from gatewayctl.gateways.httproute.locate import HttpRouteRule, RouteFile, read_file, read_files, rules_of
from gatewayctl.gateways.httproute.precedence import note_losers, refuse_outranked
from gatewayctl.gateways.httproute.service import parse_service
from gatewayctl.gateways.httproute.views import describe_rule
from gatewayctl.gateways.yamltext.document import no_collection
from gatewayctl.gateways.yamltext.edit import Edit, apply_edits

# What a repeated header means is left to each product by the API; Traefik and Envoy match any of its values.
_LIMITS = Limits(stamp=True, answers={LeakCase.SENT_TWICE: frozenset({Attribution.CANARY, Attribution.STABLE})})


class HttpRouteDialect:
    """Implements ports.Dialect for HTTPRoute objects, versions v1 and v1beta1."""

    @property
    def limits(self) -> Limits:
        """Stamps answers; a header sent twice may match by either of its values."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every rule that sends to a backend, in file order. Raises Refused."""
        return tuple(describe_rule(rule) for rule in rules_of(read_files(files)) if rule.backends)

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every rule of its Service; one of the same owner is replaced. Raises Refused."""
        with no_collection():
            return self._insert(files, rule)

    def _insert(self, files: Files, rule: CanaryRule) -> Change:
        bare = _rules_out(files, rule.app)
        found = read_files(bare)
        targets = [one for one in rules_of(found) if _is_target(one, rule)]
        if not targets:
            raise explain_unrouted(found, rule)
        refuse_two_namespaces(targets, rule)
        refuse_outranked(rules_of(found), targets, rule)
        done = tuple(apply_edits(one.source, _additions(one, rule), None) for one in found)
        refuse_excess(read_files(done), found, rule.app)
        if _rules_out(done, rule.app) != bare:
            names = ", ".join(file.name for file in files)
            raise Refused(names, 0, "taking this rule away again would not give back the same bytes")
        return Change(
            stages=_stages(files, done),
            covered=tuple(describe_rule(one) for one in targets),
            notes=(*notes(found, targets, rule), *note_losers(rules_of(found), targets, rule)),
        )

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        with no_collection():
            ours = tuple(describe_rule(one) for one in rules_of(read_files(files)) if one.owner == rule_name(app))
            return Change(stages=_stages(files, _rules_out(files, app)), covered=ours)


def _is_target(rule: HttpRouteRule, wanted: CanaryRule) -> bool:
    stable = parse_service(wanted.service)
    return rule.owner != wanted.name and any(
        stable.is_named_by(one) and not one.has_no_traffic for one in rule.backends
    )


def _rules_out(files: Files, app: str) -> Files:
    read_files(files)
    return tuple(apply_edits(read_file(file).source, _removals(read_file(file), app), None) for file in files)


def _removals(found: RouteFile, app: str) -> list[Edit]:
    return [
        Edit(rule.route.fragment, rule.route.sequence, rule.index)
        for rule in rules_of([found])
        if rule.owner == rule_name(app) and rule.route.sequence is not None
    ]


def _additions(found: RouteFile, wanted: CanaryRule) -> list[Edit]:
    edits = []
    for route in found.routes:
        targets = [rule for rule in route.rules if _is_target(rule, wanted)]
        for number, rule in enumerate(targets, 1):
            name = wanted.name if number == 1 else f"{wanted.name}-{number}"
            if route.sequence is not None:
                edits.append(
                    Edit(route.fragment, route.sequence, len(route.sequence.value), canary_rule(rule, wanted, name))
                )
    return edits


def _stages(before: Files, after: Files) -> tuple[Files, ...]:
    """One stage: a rule names a Service, which is no part of these files."""
    stage = tuple(new for old, new in zip(before, after, strict=True) if old != new)
    return (stage,) if stage else ()
