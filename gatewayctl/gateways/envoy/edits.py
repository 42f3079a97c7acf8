"""Edits of all files, one kind at a time: add clusters, add routes, remove routes, remove clusters.

Each step takes and returns whole files, so that the caller can order the steps: no route may ever name a cluster that
is not defined.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from yaml.nodes import MappingNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Files, rule_name, share_name
from gatewayctl.gateways.envoy.canary import canary_route, share_route
from gatewayctl.gateways.envoy.clusters import (
    canary_cluster,
    canary_endpoints,
    discovery,
    eds_name,
    not_in_list,
    owner,
)
from gatewayctl.gateways.envoy.locate import EnvoyFile, UpstreamDefinition, is_config, read_file
from gatewayctl.gateways.envoy.routes import EnvoyRoute, routes_of
from gatewayctl.gateways.envoy.shares import shares_above
from gatewayctl.gateways.yamltext.edit import Edit, apply_edits

Plan = Callable[[EnvoyFile], Iterable[Edit]]
MakeCopy = Callable[[UpstreamDefinition, CanaryRule], MappingNode]


def read_files(files: Files) -> list[EnvoyFile]:
    """The parts of every file. Raises Refused, also if none of them holds anything of Envoy."""
    found = [read_file(file) for file in files]
    if all(one.is_empty for one in found):
        name = files[0].name if len(files) == 1 else ", ".join(file.name for file in files)
        raise Refused(name, 0, "holds neither routes nor clusters of Envoy")
    return found


def all_routes(found: Iterable[EnvoyFile]) -> list[EnvoyRoute]:
    """Every route that names its upstreams, in file order. Raises Refused."""
    return [route for one in found for route in _routes(one)]


@lru_cache(maxsize=8)
def _routes(found: EnvoyFile) -> tuple[EnvoyRoute, ...]:
    return tuple(route for host in found.host_routes for route in routes_of(host))


def remove_routes(files: Files, app: str) -> Files:
    """The files without the canary routes of `app`. Raises Refused."""
    return _each(files, lambda found: _own_routes(found, own_marks(app)))


def own_marks(app: str) -> frozenset[str]:
    """The marks of the routes that belong to the rule of `app`."""
    return frozenset({rule_name(app), share_name(app)})


def remove_clusters(files: Files, app: str, keep: str = "") -> Files:
    """The files without the clusters and load assignments of `app`, but with those of the cluster `keep`."""
    name = rule_name(app)
    kept = {keep, *_endpoint_names(read_files(files), keep)} if keep else set()
    return _each(files, lambda found: _own_definitions(found, name, lambda definition: definition.name not in kept))


def add_clusters(files: Files, rule: CanaryRule) -> Files:
    """The files with the canary's cluster above each of stable's; one that we wrote is replaced. Raises Refused."""
    wanted = {rule.canary, *_endpoint_names(read_files(files), rule.canary)}
    bare = _each(files, lambda found: _own_definitions(found, rule.name, lambda definition: definition.name in wanted))
    needed = _missing_endpoints(read_files(bare), rule)
    return _each(bare, lambda found: _canary_definitions(found, rule, needed))


def add_routes(files: Files, rule: CanaryRule) -> Files:
    """The files with the canary's routes above each route of the service. Raises Refused."""
    return _each(files, lambda found: _canary_routes(found, rule))


def find_stable_routes(found: Iterable[EnvoyFile], rule: CanaryRule) -> list[EnvoyRoute]:
    """Every route of the service, but for canary routes. Raises Refused if one sends to another upstream, too."""
    ours = own_marks(rule.app)
    hits = [route for route in all_routes(found) if rule.service in route.upstreams and route.owner not in ours]
    for route in hits:
        if route.upstreams != {rule.service}:
            others = ", ".join(sorted(route.upstreams - {rule.service}))
            raise route.fragment.refusal(
                route.node,
                f"this route splits its requests by weight between {rule.service} and {others}",
                hint="finish that split first: a canary beside it would take requests from both",
            )
    return hits


def _each(files: Files, plan: Plan) -> Files:
    result = []
    for file in files:
        found = read_file(file)
        result.append(apply_edits(found.source, list(plan(found)), is_config))
    return tuple(result)


def _own_routes(found: EnvoyFile, marks: frozenset[str]) -> Iterable[Edit]:
    for route in all_routes([found]):
        if route.owner in marks:
            if route.sequence is None:
                raise route.fragment.refusal(route.node, "our rule is not in a list any more: delete it by hand")
            yield Edit(route.fragment, route.sequence, route.index)


def _canary_routes(found: EnvoyFile, rule: CanaryRule) -> Iterable[Edit]:
    for route in find_stable_routes([found], rule):
        if route.sequence is None:
            raise route.fragment.refusal(
                route.node,
                "`routes` is a single mapping and not a list: nothing can be put above it",
                hint="write it as a list: put a dash before its first field",
            )
        # Above the share of another application, which would take a part of the marked requests.
        highest = min([route.index, *shares_above(route)])
        yield Edit(route.fragment, route.sequence, highest, canary_route(route, rule))
        if rule.share:
            yield Edit(route.fragment, route.sequence, route.index, share_route(route, rule))


def _own_definitions(found: EnvoyFile, name: str, wanted: Callable[[UpstreamDefinition], bool]) -> Iterable[Edit]:
    for definition in [*found.clusters, *found.endpoints]:
        if owner(definition) == name and wanted(definition):
            yield Edit(definition.fragment, _list_of(definition), definition.index)


def _canary_definitions(file: EnvoyFile, rule: CanaryRule, needed: set[str]) -> Iterable[Edit]:
    """A copy of each cluster and load assignment of stable whose copy is not there. Raises Refused."""
    there = {(id(cluster.fragment), cluster.name) for cluster in file.clusters}
    for cluster in file.clusters:
        if cluster.name == rule.service and (id(cluster.fragment), rule.canary) not in there:
            yield _insert_above(cluster, canary_cluster, rule)
    for endpoints in file.endpoints:
        if endpoints.name in needed:
            yield _insert_above(endpoints, canary_endpoints, rule)


def _insert_above(definition: UpstreamDefinition, make_copy: MakeCopy, rule: CanaryRule) -> Edit:
    sequence = _list_of(definition)
    return Edit(definition.fragment, sequence, definition.index, make_copy(definition, rule))


def _list_of(definition: UpstreamDefinition) -> SequenceNode:
    if definition.sequence is None:
        raise not_in_list(definition)
    return definition.sequence


def _eds_clusters(files: Iterable[EnvoyFile], name: str) -> list[UpstreamDefinition]:
    clusters = [cluster for file in files for cluster in file.clusters if cluster.name == name]
    return [cluster for cluster in clusters if discovery(cluster) == "EDS"]


def _endpoint_names(files: Iterable[EnvoyFile], cluster: str) -> set[str]:
    """The names under which the EDS clusters called `cluster` ask for endpoints."""
    return {eds_name(one) for one in _eds_clusters(files, cluster)}


def _missing_endpoints(files: list[EnvoyFile], rule: CanaryRule) -> set[str]:
    """The names of stable's load assignments that the canary needs a copy of, and has none in the files.

    A canary's cluster that people wrote asks for whatever they chose: nothing is needed then.
    """
    there = {endpoints.name for file in files for endpoints in file.endpoints}
    return {name for name in _stable_endpoints(files, rule, there) if name in there and f"{name}-canary" not in there}


def _stable_endpoints(files: list[EnvoyFile], rule: CanaryRule, there: set[str]) -> set[str]:
    """The names under which stable's endpoints are asked for; `there` are those that the files hold."""
    clusters = [cluster for file in files for cluster in file.clusters]
    if not clusters and rule.service in there:
        return {rule.service}  # the clusters are in other files: EDS names endpoints after their cluster
    is_by_hand = any(cluster.name == rule.canary for cluster in clusters)
    return set() if is_by_hand else _endpoint_names(files, rule.service)
