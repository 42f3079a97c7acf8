"""What a running Envoy shows at its admin port: live routes, healthy endpoints, requests in flight.

Inline routes are read from the active listeners, because the list of static route configurations still has those of
listeners that only drain.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gatewayctl.domain.platform import Replica, RuleProof, UpstreamProof
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.envoy.canary import stamp_value
from gatewayctl.gateways.envoy.marks import OWNER, RULE, marking_name
from gatewayctl.gateways.envoy_admin import (
    as_dict,
    dicts,
    filter_for,
    is_healthy,
    read_clusters,
    read_json,
    stat_prefix,
)
from gatewayctl.gateways.product import AdminGet

_LISTENERS = "/config_dump?mask=static_listeners,dynamic_listeners"
_ROUTES = "/config_dump?mask=dynamic_route_configs"
_LONGEST = 300

_Compared = tuple[str, list[Any], str]
"""What is compared, its values in the live route, and the only value it should have."""


@dataclass(frozen=True, slots=True)
class EnvoyReadback:
    """Implements ports.Readback. `admin` GETs a path from a replica's admin port and raises EnvironmentFailed."""

    admin: AdminGet

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
        """How many live routes are exactly this rule; routes with one of its marks and other content are mismatched."""
        routes, faults = self._live_routes(replica)
        named = [_difference(route, rule) for route in routes if _owner(route) == rule.name]
        shares = [_share_difference(route, rule) for route in routes if _owner(route) == rule.share_name]
        odd = [difference for difference in (*named, *shares) if difference]
        return RuleProof(
            asked=True,
            routes=named.count(""),
            shares=shares.count(""),
            detail="; ".join([*odd[:3], *faults[:3]])[:_LONGEST],
            mismatched=len(odd),
        )

    def upstream_ready(self, replica: Replica, upstream: str) -> UpstreamProof:
        """How many healthy endpoints the replica knows for `upstream`; where there is none, `detail` says why."""
        cluster = read_clusters(self.admin, replica, upstream).get(upstream)
        if cluster is None:
            return UpstreamProof(asked=True, detail=f"the gateway does not know the cluster {upstream}", known=False)
        hosts = dicts(cluster.get("host_statuses"))
        healthy = sum(is_healthy(host) for host in hosts)
        if healthy:
            return UpstreamProof(asked=True, endpoints=healthy)
        detail = f"none of its {len(hosts)} endpoints is healthy" if hosts else "it has no endpoints"
        return UpstreamProof(asked=True, detail=f"the gateway knows the cluster {upstream}, but {detail}")

    def in_flight(self, replica: Replica, upstream: str) -> int | None:
        """Requests to `upstream` that have not ended yet.

        0 for a cluster the replica does not know: it can send nothing there. None for a known cluster whose
        statistics the replica does not keep.
        """
        stat = f"{stat_prefix(upstream)}upstream_rq_active"
        path = f"/stats?format=json&filter={filter_for(re.escape(stat))}"
        for one in dicts(read_json(self.admin, replica, path).get("stats")):
            value = one.get("value")
            if one.get("name") == stat and isinstance(value, int):
                return value
        return None if read_clusters(self.admin, replica, upstream).get(upstream) is not None else 0

    def _live_routes(self, replica: Replica) -> tuple[list[dict[str, Any]], list[str]]:
        """Every route that takes new requests, and why the gateway rejected updates."""
        routes: list[dict[str, Any]] = []
        named: set[str] = set()
        dump, faults = read_json(self.admin, replica, _LISTENERS), []
        for listener, fault in _listeners(dump):
            faults += [fault] if fault else []
            for manager in _managers(listener):
                config = manager.get("route_config")
                routes += _routes(config) if isinstance(config, dict) else ()
                named |= set(_rds_names(manager))
        if named:
            for entry in _configs(read_json(self.admin, replica, _ROUTES), "dynamic_route_configs"):
                config = entry.get("route_config")
                if isinstance(config, dict) and ("*" in named or config.get("name") in named):
                    routes += _routes(config)
                faults += [text] if (text := _rejection(entry, "routes")) else []
        return routes, faults


def _configs(dump: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    for part in dicts(dump.get("configs")):
        yield from dicts(part.get(key))


def _listeners(dump: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The listeners that accept connections, each with the reason why its last update was rejected, or ''."""
    for entry in _configs(dump, "static_listeners"):
        yield as_dict(entry.get("listener")), ""
    for entry in _configs(dump, "dynamic_listeners"):
        yield (
            as_dict(as_dict(entry.get("active_state")).get("listener")),
            _rejection(entry, f"listener {entry.get('name')}"),
        )


def _rejection(entry: dict[str, Any], what: str) -> str:
    """Why the last update of a listener or route configuration was rejected; empty when it was not."""
    details = as_dict(entry.get("error_state")).get("details")
    return f"{what}: the last update was rejected: {str(details)[:_LONGEST]}" if details else ""


def _managers(listener: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The configuration of every HTTP connection manager of a listener."""
    chains = [*dicts(listener.get("filter_chains")), as_dict(listener.get("default_filter_chain"))]
    for chain in chains:
        for one in dicts(chain.get("filters")):
            yield as_dict(one.get("typed_config"))
    yield as_dict(as_dict(listener.get("api_listener")).get("api_listener"))


def _rds_names(manager: dict[str, Any]) -> Iterator[str]:
    """The names of the route configurations that a connection manager asks for; `*` where scopes decide."""
    name = as_dict(manager.get("rds")).get("route_config_name")
    if isinstance(name, str):
        yield name
    if "scoped_routes" in manager:
        yield "*"


def _routes(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for host in dicts(config.get("virtual_hosts")):
        yield from dicts(host.get("routes"))


def _owner(route: dict[str, Any]) -> str:
    """The rule that a live route was written for; empty if people wrote it."""
    filters = as_dict(as_dict(route.get("metadata")).get("filter_metadata"))
    return str(as_dict(filters.get(OWNER)).get(RULE) or marking_name(str(route.get("name", ""))))


def _difference(route: dict[str, Any], rule: CanaryRule) -> str:
    """How a route with the rule's mark differs from the rule; empty when it does not."""
    values = [
        as_dict(matcher.get("string_match")).get("exact", matcher.get("exact_match"))
        for matcher in dicts(as_dict(route.get("match")).get("headers"))
        if str(matcher.get("name")).lower() == rule.header.name
    ]
    header = (f"the header {rule.header.name}", values, rule.header.value)
    return _first_difference(rule.name, (header, *_answered_by(route, rule)))


def _share_difference(route: dict[str, Any], rule: CanaryRule) -> str:
    """The same for a route with the mark of the rule's share."""
    if not rule.share:
        return f"a route of {rule.share_name} is there, and the rule has no share"
    fraction = as_dict(as_dict(route.get("match")).get("runtime_fraction"))
    value = as_dict(fraction.get("default_value"))
    # Fields with their default value are left out of a dump.
    percent = f"{value.get('numerator', 0)} of {value.get('denominator', 'HUNDRED')}"
    keys = [fraction.get("runtime_key") or "none"]
    share = ("the share", [percent] if value else [], f"{rule.share} of HUNDRED")
    return _first_difference(rule.share_name, (share, ("the runtime key", keys, "none"), *_answered_by(route, rule)))


def _answered_by(route: dict[str, Any], rule: CanaryRule) -> tuple[_Compared, _Compared]:
    """The stamp and the cluster of a route."""
    stamps = [
        as_dict(added.get("header")).get("value")
        for added in dicts(route.get("response_headers_to_add"))
        if str(as_dict(added.get("header")).get("key")).lower() == STAMP_HEADER
    ]
    action = as_dict(route.get("route"))
    weighted = dicts(as_dict(action.get("weighted_clusters")).get("clusters"))
    clusters = {one.get("name") for one in weighted} if weighted else {action.get("cluster")}
    return ("the stamp", stamps, stamp_value(rule)), ("the cluster", list(clusters), rule.canary)


def _first_difference(name: str, compared: Iterable[_Compared]) -> str:
    """In words, the first part of a live route of the rule `name` that is not as wanted; empty if all are."""
    for what, found, wanted in compared:
        if found != [wanted]:
            shown = ", ".join(str(one) for one in found) or "missing"
            return f"a route of {name} differs: {what} is {shown}, not {wanted}"
    return ""
