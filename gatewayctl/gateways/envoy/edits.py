"""The edits of one kind at a time, over all files: clusters in, routes in, routes out, clusters out.

Each step is text to text, so that steps can be put in the order that never names what is not there.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Files, rule_name
from gatewayctl.gateways.envoy.canary import canary_route
from gatewayctl.gateways.envoy.clusters import (
    canary_cluster,
    canary_endpoints,
    discovery,
    eds_name,
    not_in_list,
    owner,
)
from gatewayctl.gateways.envoy.locate import Member, Survey, is_config, survey
from gatewayctl.gateways.envoy.routes import Route, routes_of
from gatewayctl.gateways.yamltext.edit import Edit, edited

Plan = Callable[[Survey], Iterable[Edit]]


def surveys(files: Files) -> list[Survey]:
    """Every file, read. Raises Refused, also when there is nothing of Envoy in any of them."""
    found = [survey(file) for file in files]
    if all(one.is_empty for one in found):
        name = files[0].name if len(files) == 1 else ", ".join(file.name for file in files)
        raise Refused(name, 0, "holds neither routes nor clusters of Envoy")
    return found


def all_routes(found: Iterable[Survey]) -> list[Route]:
    """Every route with an upstream, in file order."""
    return [route for one in found for route in _routes(one)]


@lru_cache(maxsize=8)
def _routes(found: Survey) -> tuple[Route, ...]:
    return tuple(route for table in found.tables for route in routes_of(table))


def routes_out(files: Files, app: str) -> Files:
    """Without the canary routes of `app`."""
    return _each(files, lambda found: _own_routes(found, rule_name(app)))


def clusters_out(files: Files, app: str, keep: str = "") -> Files:
    """Without the clusters and endpoints written for `app`; those of the upstream `keep` stay."""
    name = rule_name(app)
    kept = {keep, *_endpoint_names(surveys(files), keep)} if keep else set()
    return _each(files, lambda found: _own_members(found, name, lambda member: member.name not in kept))


def clusters_in(files: Files, rule: CanaryRule) -> Files:
    """With the canary's cluster beside each definition of stable's; one of ours is written anew."""
    wanted = {rule.canary, *_endpoint_names(surveys(files), rule.canary)}
    bare = _each(files, lambda found: _own_members(found, rule.name, lambda member: member.name in wanted))
    needed = _needed_endpoints(surveys(bare), rule)
    return _each(bare, lambda found: _canary_members(found, rule, needed))


def routes_in(files: Files, rule: CanaryRule) -> Files:
    """With a canary route above each route of the service."""
    return _each(files, lambda found: _canary_routes(found, rule))


def targets(found: Iterable[Survey], rule: CanaryRule) -> list[Route]:
    """Every route of the service. Raises Refused where it shares a route with another upstream."""
    hits = [route for route in all_routes(found) if rule.service in route.upstreams and route.name != rule.name]
    for route in hits:
        if route.upstreams != {rule.service}:
            others = ", ".join(sorted(route.upstreams - {rule.service}))
            raise route.unit.refused(
                route.node,
                f"this route splits its requests by weight between {rule.service} and {others}",
                hint="finish that split first: a canary beside it would take requests from both",
            )
    return hits


def _each(files: Files, plan: Plan) -> Files:
    result = []
    for file in files:
        found = survey(file)
        result.append(edited(found.source, list(plan(found)), is_config))
    return tuple(result)


def _own_routes(found: Survey, name: str) -> Iterable[Edit]:
    for route in all_routes([found]):
        if route.name == name:
            if route.sequence is None:
                raise route.unit.refused(route.node, "our rule is not in a list any more: delete it by hand")
            yield Edit(route.unit, route.sequence, route.index)


def _canary_routes(found: Survey, rule: CanaryRule) -> Iterable[Edit]:
    for route in targets([found], rule):
        if route.sequence is None:
            raise route.unit.refused(
                route.node,
                "`routes` is a single mapping and not a list: nothing can be put above it",
                hint="write it as a list: put a dash before its first field",
            )
        yield Edit(route.unit, route.sequence, route.index, canary_route(route, rule))


def _own_members(found: Survey, name: str, wanted: Callable[[Member], bool]) -> Iterable[Edit]:
    for member in [*found.clusters, *found.endpoints]:
        if owner(member) == name and wanted(member):
            if member.sequence is None:
                raise not_in_list(member)
            yield Edit(member.unit, member.sequence, member.index)


def _canary_members(found: Survey, rule: CanaryRule, needed: set[str]) -> Iterable[Edit]:
    there = {(id(member.unit), member.name) for member in found.clusters}
    for member in found.clusters:
        if member.name == rule.service and (id(member.unit), rule.canary) not in there:
            if member.sequence is None:
                raise not_in_list(member)
            yield Edit(member.unit, member.sequence, member.index, canary_cluster(member, rule))
    for member in found.endpoints:
        if member.name in needed:
            if member.sequence is None:
                raise not_in_list(member)
            yield Edit(member.unit, member.sequence, member.index, canary_endpoints(member, rule))


def _eds_clusters(found: Iterable[Survey], name: str) -> list[Member]:
    return [member for one in found for member in one.clusters if member.name == name and discovery(member) == "EDS"]


def _endpoint_names(found: Iterable[Survey], cluster: str) -> set[str]:
    """The names under which the EDS clusters called `cluster` ask for endpoints."""
    return {eds_name(member) for member in _eds_clusters(found, cluster)}


def _needed_endpoints(found: list[Survey], rule: CanaryRule) -> set[str]:
    """Stable's endpoint sets that the canary needs copies of: those in the files, whose copy is not there yet.

    A canary cluster that people defined asks for whatever they chose: nothing is needed then.
    """
    there = {member.name for one in found for member in one.endpoints}
    by_hand = any(member.name == rule.canary for one in found for member in one.clusters)
    stable = set() if by_hand else _endpoint_names(found, rule.service)
    if not any(one.clusters for one in found) and rule.service in there:
        stable = {rule.service}  # the clusters are elsewhere: EDS's own convention names endpoints after them
    return {name for name in stable if name in there and f"{name}-canary" not in there}
