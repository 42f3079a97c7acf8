"""How the Gateway API spells a canary rule: for each rule of stable a copy with one header more, below all others.

The place of a rule does not decide which one wins. But some products name things by it (Envoy Gateway: its clusters).
A rule above others would rename what is below it, whose requests would be misrouted for a moment.
"""

from dataclasses import replace

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.httproute.canary import canary_rule
from gatewayctl.gateways.httproute.diagnostics import explain_unrouted, notes, refuse_excess, refuse_two_namespaces
from gatewayctl.gateways.httproute.examples import examples_of
from gatewayctl.gateways.httproute.locate import HttpRouteRule, RouteFile, read_file, read_files, rules_of
from gatewayctl.gateways.httproute.precedence import note_losers, refuse_outranked
from gatewayctl.gateways.httproute.service import parse_service
from gatewayctl.gateways.httproute.views import describe_rule
from gatewayctl.gateways.yamltext.edit import Edit, apply_edits

# The API leaves the meaning of a repeated header to each product; Traefik and Envoy match any of its values.
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
        bare = _remove_rules(files, rule.app)
        parsed = read_files(bare)
        targets = [one for one in rules_of(parsed) if _is_target(one, rule)]
        if not targets:
            raise explain_unrouted(parsed, rule)
        refuse_two_namespaces(targets, rule)
        refuse_outranked(rules_of(parsed), targets, rule)
        done = tuple(apply_edits(one.source, _additions(one, rule), None) for one in parsed)
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
    return rule.owner != wanted.name and any(
        stable.is_named_by(one) and not one.has_no_traffic for one in rule.backends
    )


def _remove_rules(files: Files, app: str) -> Files:
    """The files without the rules of `app`. Raises Refused, also where there is no HTTPRoute in any of them."""
    read_files(files)
    return tuple(apply_edits(read_file(file).source, _removals(read_file(file), app), None) for file in files)


def _removals(file: RouteFile, app: str) -> list[Edit]:
    return [
        Edit(rule.route.fragment, rule.route.sequence, rule.index)
        for rule in rules_of([file])
        if rule.owner == rule_name(app) and rule.route.sequence is not None
    ]


def _additions(file: RouteFile, wanted: CanaryRule) -> list[Edit]:
    edits = []
    for route in file.routes:
        targets = [rule for rule in route.rules if _is_target(rule, wanted)]
        for number, rule in enumerate(targets, 1):
            name = wanted.name if number == 1 else f"{wanted.name}-{number}"
            if route.sequence is not None:
                edits.append(
                    Edit(route.fragment, route.sequence, len(route.sequence.value), canary_rule(rule, wanted, name))
                )
    return edits
