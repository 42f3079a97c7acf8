"""How Envoy spells a canary rule: a route above each of stable's, and a cluster beside stable's."""

from collections.abc import Sequence

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.envoy.diagnostics import no_route_refusal, notes, refuse_hidden, refuse_unreadable
from gatewayctl.gateways.envoy.edits import (
    add_clusters,
    add_routes,
    all_routes,
    find_stable_routes,
    read_files,
    remove_clusters,
    remove_routes,
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
        found = read_files(files)
        routes = all_routes(found)
        if not routes:
            refuse_unreadable(found)
        return tuple(view(route) for route in routes)

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every route of its service; a rule of the same owner is replaced. Raises Refused."""
        with no_collection():
            return self._insert(files, rule)

    def _insert(self, files: Files, rule: CanaryRule) -> Change:
        found = read_files(remove_routes(files, rule.app))
        refuse_hidden(found, rule)
        covered = find_stable_routes(found, rule)
        if not covered:
            raise no_route_refusal(found, rule)
        defined = add_clusters(files, rule)
        routed = add_routes(remove_routes(defined, rule.app), rule)
        done = remove_clusters(routed, rule.app, keep=rule.canary)
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
        ours = [route for route in all_routes(read_files(files)) if route.name == rule_name(app)]
        unrouted_files = remove_routes(files, app)
        done = remove_clusters(unrouted_files, app)
        return Change(stages=_stages(files, (unrouted_files, done)), covered=tuple(view(route) for route in ours))


def _without(files: Files, app: str) -> Files:
    return remove_clusters(remove_routes(files, app), app)


def _stages(files: Files, steps: Sequence[Files]) -> tuple[Files, ...]:
    """What each step changes; one stage where all of it is one text, which its gateway loads at once."""
    if _changed_fragments(files, steps[-1]) <= 1:
        steps = steps[-1:]
    stages = []
    for step in steps:
        stage = tuple(after for before, after in zip(files, step, strict=True) if after != before)
        if stage:
            stages.append(stage)
        files = step
    return tuple(stages)


def _changed_fragments(before: Files, after: Files) -> int:
    old = [fragment.text for one in read_files(before) for fragment in one.source.fragments]
    new = [fragment.text for one in read_files(after) for fragment in one.source.fragments]
    return sum(one != other for one, other in zip(old, new, strict=True))
