"""How Envoy spells a canary rule: routes above each route of stable, and a cluster beside stable's cluster.

The first route takes the requests with the rule's header. With a share, a second one below it takes that share of the
other requests by `runtime_fraction`; what it does not take goes on to stable's own route.
"""

from dataclasses import replace

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView
from gatewayctl.gateways.envoy.diagnostics import no_route_refusal, notes, refuse_hidden, refuse_unreadable
from gatewayctl.gateways.envoy.edits import (
    add_clusters,
    add_routes,
    all_routes,
    find_stable_routes,
    own_marks,
    read_files,
    remove_clusters,
    remove_routes,
)
from gatewayctl.gateways.envoy.examples import example_of
from gatewayctl.gateways.envoy.routes import view
from gatewayctl.gateways.envoy.shares import refuse_shares

# Since 1.39 each value of a repeated header is matched by itself; older versions match the values joined by a comma.
_LIMITS = Limits(
    stamp=True, shares=True, answers={LeakCase.SENT_TWICE: frozenset({Attribution.CANARY, Attribution.STABLE})}
)


class EnvoyDialect:
    """Implements ports.Dialect for Envoy's static configuration and file xDS, API v3."""

    @property
    def limits(self) -> Limits:
        """Stamps answers, can send a share; a header sent twice may match by either of its values."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every route that sends to an upstream, in file order. Raises Refused."""
        parsed = read_files(files)
        routes = all_routes(parsed)
        if not routes:
            refuse_unreadable(parsed)
        return tuple(view(route) for route in routes)

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every route of its service; a rule of the same owner is replaced. Raises Refused."""
        bare = read_files(remove_routes(files, rule.app))
        refuse_hidden(bare, rule)
        covered = find_stable_routes(bare, rule)
        if not covered:
            raise no_route_refusal(bare, rule)
        refuse_shares(covered, rule)
        defined = add_clusters(files, rule)
        routed = add_routes(remove_routes(defined, rule.app), rule)
        done = remove_clusters(routed, rule.app, keep=rule.canary)
        views = tuple(replace(view(route), examples=(example_of(route),)) for route in covered)
        return Change.between(files, *_steps(files, defined, done), covered=views, notes=notes(bare, covered, rule))

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        ours = [route for route in all_routes(read_files(files)) if route.owner in own_marks(app)]
        without_routes = remove_routes(files, app)
        done = remove_clusters(without_routes, app)
        return Change.between(files, *_steps(files, without_routes, done), covered=tuple(view(route) for route in ours))


def _steps(files: Files, first: Files, last: Files) -> tuple[Files, ...]:
    """Both steps, or only the last one where the whole edit is in one text: Envoy loads that text at once."""
    return (first, last) if _count_changed_texts(files, last) > 1 else (last,)


def _count_changed_texts(before: Files, after: Files) -> int:
    """How many texts differ: files, or values of a ConfigMap manifest, each of which Envoy loads on its own."""
    old = [fragment.text for one in read_files(before) for fragment in one.source.fragments]
    new = [fragment.text for one in read_files(after) for fragment in one.source.fragments]
    return sum(one != other for one, other in zip(old, new, strict=True))
