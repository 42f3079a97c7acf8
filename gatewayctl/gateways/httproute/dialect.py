"""How the Gateway API spells a canary rule: for each rule of stable's one with one header more, below all others.

What wins does not depend on the place. But products name things by it (Envoy Gateway: its clusters), and of a rule put
above others each one below would have a moment in which its requests go astray.
"""

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.httproute.canary import canary_rule
from gatewayctl.gateways.httproute.diagnostics import notes, refuse_excess, refuse_two_namespaces, unrouted
from gatewayctl.gateways.httproute.locate import Rule, Survey, rules_of, survey, surveys
from gatewayctl.gateways.httproute.precedence import refuse_outranked, taken
from gatewayctl.gateways.httproute.service import service
from gatewayctl.gateways.httproute.views import view
from gatewayctl.gateways.yamltext.edit import Edit, edited

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
        return tuple(view(rule) for rule in rules_of(surveys(files)) if rule.backends)

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every rule of its Service; one of the same owner is replaced. Raises Refused."""
        bare = _rules_out(files, rule.app)
        found = surveys(bare)
        targets = [one for one in rules_of(found) if _is_target(one, rule)]
        if not targets:
            raise unrouted(found, rule)
        refuse_two_namespaces(targets, rule)
        refuse_outranked(rules_of(found), targets, rule)
        done = tuple(edited(one.source, _additions(one, rule), None) for one in found)
        refuse_excess(surveys(done), found, rule.app)
        return Change.between(
            files,
            done,
            covered=tuple(view(one) for one in targets),
            notes=(*notes(found, targets, rule), *taken(rules_of(found), targets, rule)),
        )

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        ours = tuple(view(one) for one in rules_of(surveys(files)) if one.owner == rule_name(app))
        return Change.between(files, _rules_out(files, app), covered=ours)


def _is_target(rule: Rule, wanted: CanaryRule) -> bool:
    stable = service(wanted.service)
    return rule.owner != wanted.name and any(stable.is_served_by(one) and not one.idle for one in rule.backends)


def _rules_out(files: Files, app: str) -> Files:
    surveys(files)
    return tuple(edited(survey(file).source, _removals(survey(file), app), None) for file in files)


def _removals(found: Survey, app: str) -> list[Edit]:
    return [
        Edit(rule.route.unit, rule.route.sequence, rule.index)
        for rule in rules_of([found])
        if rule.owner == rule_name(app) and rule.route.sequence is not None
    ]


def _additions(found: Survey, wanted: CanaryRule) -> list[Edit]:
    edits = []
    for route in found.routes:
        targets = [rule for rule in route.rules if _is_target(rule, wanted)]
        for number, rule in enumerate(targets, 1):
            name = wanted.name if number == 1 else f"{wanted.name}-{number}"
            if route.sequence is not None:
                edits.append(
                    Edit(route.unit, route.sequence, len(route.sequence.value), canary_rule(rule, wanted, name))
                )
    return edits
