"""How Istio spells a canary rule: routes directly above each HTTP route of stable, in the same VirtualService.

The first one takes the requests with the rule's header. With a share, a second one below it takes all other requests,
and divides them by weight between stable and the canary. Nothing is left for stable's own route then; it stays as it
is, and gets the requests again when ours are taken out.
"""

from dataclasses import replace

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name, share_name
from gatewayctl.gateways.istio.canary import header_route, share_route, targets
from gatewayctl.gateways.istio.diagnostics import (
    explain_unrouted,
    last_route,
    notes,
    refuse_conflicts,
    refuse_delegates,
    refuse_shares,
    refuse_streams,
    refuse_two_namespaces,
)
from gatewayctl.gateways.istio.examples import examples_of
from gatewayctl.gateways.istio.locate import HttpRoute, RouteFile, read_file, read_files, routes_of
from gatewayctl.gateways.istio.views import describe_route
from gatewayctl.gateways.yamltext.edit import Edit, apply_edits

# Since Envoy 1.39 each value of a repeated header is matched by itself; older ones match the values joined by a comma.
_LIMITS = Limits(
    stamp=True, shares=True, answers={LeakCase.SENT_TWICE: frozenset({Attribution.CANARY, Attribution.STABLE})}
)


class IstioDialect:
    """Implements ports.Dialect for VirtualServices, versions v1, v1beta1 and v1alpha3."""

    @property
    def limits(self) -> Limits:
        """Stamps answers, can send a share; a header sent twice may match by either of its values."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every HTTP route that has a destination, in file order. Raises Refused."""
        return tuple(describe_route(route) for route in routes_of(read_files(files)) if route.destinations)

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every HTTP route of its Service; one of the same owner is replaced. Raises Refused."""
        bare = _remove_routes(files, rule.app)
        parsed = read_files(bare)
        covered = [route for route in routes_of(parsed) if _is_target(route, rule)]
        refuse_streams(parsed, rule)
        if not covered:
            raise explain_unrouted(parsed, rule)
        refuse_two_namespaces(covered, rule)
        refuse_delegates(parsed, covered, rule)
        refuse_conflicts(parsed, covered, rule)
        refuse_shares(covered, rule)
        done = tuple(apply_edits(one.source, _additions(one, rule), None) for one in parsed)
        views = tuple(replace(describe_route(route), examples=examples_of(route)) for route in covered)
        return Change.between(files, done, covered=views, notes=notes(parsed, covered, rule))

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        ours = tuple(describe_route(route) for route in routes_of(read_files(files)) if _is_own(route, app))
        return Change.between(files, _remove_routes(files, app), covered=ours)


def _is_target(route: HttpRoute, wanted: CanaryRule) -> bool:
    """Whether a route of stable's gets requests on a gateway; one that only sidecars use is none of ours."""
    if route.owner or not targets(route, wanted) or last_route(route.parent, route):
        return False
    return len(route.parent.gateways) == 1 or not all(match.is_for_sidecars_only for match in route.matches)


def _is_own(route: HttpRoute, app: str) -> bool:
    return route.owner in {rule_name(app), share_name(app)}


def _remove_routes(files: Files, app: str) -> Files:
    """The files without the routes of `app`. Raises Refused, also where there is no VirtualService in any of them."""
    read_files(files)
    return tuple(apply_edits(read_file(file).source, _removals(read_file(file), app), None) for file in files)


def _removals(file: RouteFile, app: str) -> list[Edit]:
    return [
        Edit(route.parent.fragment, route.parent.sequence, route.index)
        for route in routes_of([file])
        if _is_own(route, app) and route.parent.sequence is not None
    ]


def _additions(file: RouteFile, wanted: CanaryRule) -> list[Edit]:
    edits = []
    for service in file.services:
        covered = [route for route in service.routes if _is_target(route, wanted)]
        for number, route in enumerate(covered, 1):
            tail = "" if number == 1 else f"-{number}"
            ours = [header_route(route, wanted, wanted.name + tail)]
            if wanted.share:
                ours.append(share_route(route, wanted, wanted.share_name + tail))
            if service.sequence is not None:
                edits += [Edit(service.fragment, service.sequence, route.index, one) for one in ours]
    return edits
