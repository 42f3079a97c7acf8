"""How Envoy spells a canary rule: a route above each of stable's, and a cluster beside stable's."""

from collections.abc import Sequence

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.envoy.diagnostics import notes, refuse_hidden, refuse_unreadable, unrouted
from gatewayctl.gateways.envoy.edits import (
    all_routes,
    clusters_in,
    clusters_out,
    routes_in,
    routes_out,
    surveys,
    targets,
)
from gatewayctl.gateways.envoy.routes import view
from gatewayctl.gateways.yamltext.document import no_collection

# Since 1.39 each value of a repeated header is matched by itself; older versions match the values joined by a comma.
_LIMITS = Limits(stamp=True, answers={LeakCase.SENT_TWICE: frozenset({Attribution.CANARY, Attribution.STABLE})})


class EnvoyDialect:
    """Implements ports.Dialect for Envoy's static configuration and file xDS, API v3."""

    @property
    def limits(self) -> Limits:
        """Stamps answers; a header sent twice may match by either of its values."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every route that sends to an upstream, in file order. Raises Refused."""
        found = surveys(files)
        routes = all_routes(found)
        if not routes:
            refuse_unreadable(found)
        return tuple(view(route) for route in routes)

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every route of its service; a rule of the same owner is replaced. Raises Refused."""
        with no_collection():
            return self._insert(files, rule)

    def _insert(self, files: Files, rule: CanaryRule) -> Change:
        found = surveys(routes_out(files, rule.app))
        refuse_hidden(found, rule)
        covered = targets(found, rule)
        if not covered:
            raise unrouted(found, rule)
        defined = clusters_in(files, rule)
        routed = routes_in(routes_out(defined, rule.app), rule)
        done = clusters_out(routed, rule.app, keep=rule.canary)
        if _without(done, rule.app) != _without(files, rule.app):
            names = ", ".join(file.name for file in files)
            raise Refused(names, 0, "taking this rule away again would not give back the same bytes")
        return Change(
            stages=_stages(files, (defined, done)),
            covered=tuple(view(route) for route in covered),
            notes=notes(found, rule),
        )

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        with no_collection():
            return self._remove(files, app)

    def _remove(self, files: Files, app: str) -> Change:
        ours = [route for route in all_routes(surveys(files)) if route.name == rule_name(app)]
        unrouted_files = routes_out(files, app)
        done = clusters_out(unrouted_files, app)
        return Change(stages=_stages(files, (unrouted_files, done)), covered=tuple(view(route) for route in ours))


def _without(files: Files, app: str) -> Files:
    return clusters_out(routes_out(files, app), app)


def _stages(files: Files, steps: Sequence[Files]) -> tuple[Files, ...]:
    """What each step changes; one stage where all of it is one text, which its gateway loads at once."""
    if _changed_units(files, steps[-1]) <= 1:
        steps = steps[-1:]
    stages = []
    for step in steps:
        stage = tuple(after for before, after in zip(files, step, strict=True) if after != before)
        if stage:
            stages.append(stage)
        files = step
    return tuple(stages)


def _changed_units(before: Files, after: Files) -> int:
    old = [unit.text for one in surveys(before) for unit in one.source.units]
    new = [unit.text for one in surveys(after) for unit in one.source.units]
    return sum(one != other for one, other in zip(old, new, strict=True))
