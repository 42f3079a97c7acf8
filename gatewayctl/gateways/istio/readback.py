"""What a gateway replica of Istio shows at its Envoy's admin port: live routes, healthy endpoints, requests in flight.

Istio writes the name of an HTTP route into each Envoy route that it makes of it: one for each match and host
(pilot/pkg/networking/core/route/route.go). Its cluster for a destination is `outbound|PORT|SUBSET|HOST`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from gatewayctl.domain.platform import Replica, RuleProof, UpstreamProof
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.envoy_admin import as_dict, dicts, is_healthy, read_json
from gatewayctl.gateways.istio.canary import stamp_value
from gatewayctl.gateways.istio.locate import owner_of
from gatewayctl.gateways.istio.service import ServiceName, canary_service, parse_service, resolve
from gatewayctl.gateways.product import AdminGet

_ROUTES = "/config_dump?resource=dynamic_route_configs"
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class IstioReadback:
    """Implements ports.Readback. `admin` GETs a path from a replica's admin port and raises EnvironmentFailed.

    A replica without an admin port cannot be asked: then requests alone prove the rule.
    """

    admin: AdminGet

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
        """How many HTTP routes of the rule are live as they should be in every Envoy route made of them."""
        if not replica.admin:
            return RuleProof(asked=False)
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        faults = []
        for entry in dicts(read_json(self.admin, replica, _ROUTES).get("configs")):
            details = as_dict(entry.get("error_state")).get("details")
            faults += [f"routes: the last update was rejected: {str(details)[:_LONGEST]}"] if details else []
            for route in _routes(entry):
                name = str(route.get("name", "")).partition(".")[0]
                if owner_of(name) in {rule.name, rule.share_name}:
                    found[_origin(route), name].append(_difference(route, owner_of(name), rule))
        exact = [owner_of(name) for (_, name), differences in found.items() if not any(differences)]
        odd = [next(filter(None, differences)) for differences in found.values() if any(differences)]
        return RuleProof(
            asked=True,
            routes=exact.count(rule.name),
            shares=exact.count(rule.share_name),
            detail="; ".join([*odd[:3], *faults[:3]])[:_LONGEST],
            mismatched=len(odd),
        )

    def upstream_ready(self, replica: Replica, upstream: str) -> UpstreamProof:
        """How many healthy endpoints the replica knows for the Service `upstream`.

        A Service that it does not know says nothing: Istio may send a cluster only with the first route that names it.
        """
        clusters = self._clusters(replica, upstream) if replica.admin else {}
        if not clusters:
            return UpstreamProof(asked=False)
        healthy = max(sum(is_healthy(host) for host in dicts(one.get("host_statuses"))) for one in clusters.values())
        detail = "" if healthy else f"the gateway knows {upstream}, but no endpoint of it is healthy"
        return UpstreamProof(asked=True, endpoints=healthy, detail=detail)

    def in_flight(self, replica: Replica, upstream: str) -> int | None:
        """Requests to `upstream` that have not ended yet; 0 for a Service that the replica does not know.

        None where the replica cannot be asked, or does not keep these statistics: Istio's own proxies leave them out
        unless `proxyStatsMatcher` has them.
        """
        if not replica.admin:
            return None
        pattern = rf"^cluster\.outbound[|_].*{re.escape(parse_service(upstream).name)}.*\.upstream_rq_active$"
        stats = read_json(self.admin, replica, f"/stats?format=json&filter={quote(pattern, safe='')}").get("stats")
        counts = [
            int(one["value"])
            for one in dicts(stats)
            if isinstance(one.get("value"), int) and _is_cluster_of(_cluster_of_stat(str(one.get("name"))), upstream)
        ]
        if counts:
            return sum(counts)
        return None if self._clusters(replica, upstream) else 0

    def _clusters(self, replica: Replica, upstream: str) -> dict[str, dict[str, Any]]:
        """The replica's clusters of a Service, by name. Raises EnvironmentFailed."""
        name = re.escape(parse_service(upstream).name)
        pattern = rf"^outbound\|.*\|{name}(\..*)?$"
        path = f"/clusters?format=json&filter={quote(pattern, safe='')}"
        found = dicts(read_json(self.admin, replica, path).get("cluster_statuses"))
        return {str(one.get("name")): one for one in found if _is_cluster_of(str(one.get("name")), upstream)}


def _routes(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for host in dicts(as_dict(entry.get("route_config")).get("virtual_hosts")):
        yield from dicts(host.get("routes"))


def _origin(route: dict[str, Any]) -> str:
    """The object that Istio made a route of, as it writes it into the route's metadata."""
    filters = as_dict(as_dict(route.get("metadata")).get("filter_metadata"))
    return str(as_dict(filters.get("istio")).get("config", ""))


def _difference(route: dict[str, Any], mark: str, rule: CanaryRule) -> str:
    """In words, the first part of a live route with this mark that is not as wanted; empty if all are."""
    shares = _weights(route)
    if mark == rule.share_name:
        if not rule.share:
            return f"a route of {mark} is there, and the rule has no share"
        percent = _percent(shares, rule)
        if percent != rule.share:
            return f"a route of {mark} differs: the share is {percent:g} %, not {rule.share} %"
        stamped = [one for one in shares if _is_canary(str(one.get("name")), rule)]
    else:
        values = [
            as_dict(matcher.get("string_match")).get("exact", matcher.get("exact_match"))
            for matcher in dicts(as_dict(route.get("match")).get("headers"))
            if str(matcher.get("name")).lower() == rule.header.name
        ]
        if values != [rule.header.value]:
            return f"a route of {mark} differs: the header {rule.header.name} is {_shown(values)}"
        cluster = as_dict(route.get("route")).get("cluster")
        if not _is_canary(str(cluster), rule):
            return f"a route of {mark} differs: the cluster is {cluster}, not one of {rule.canary}"
        stamped = [route]
    stamps = [_stamps(one) for one in stamped]
    if stamps != [[stamp_value(rule)]]:
        return f"a route of {mark} differs: the stamp is {_shown(stamps[0] if stamps else [])}, not {rule.stamp}"
    return ""


def _weights(route: dict[str, Any]) -> list[dict[str, Any]]:
    return dicts(as_dict(as_dict(route.get("route")).get("weighted_clusters")).get("clusters"))


def _percent(shares: list[dict[str, Any]], rule: CanaryRule) -> float:
    """The canary's part of all weights, in percent."""
    total = sum(_number(one.get("weight")) for one in shares)
    ours = sum(_number(one.get("weight")) for one in shares if _is_canary(str(one.get("name")), rule))
    return 100 * ours / total if total else 0.0


def _stamps(holder: dict[str, Any]) -> list[Any]:
    headers = [as_dict(one.get("header")) for one in dicts(holder.get("response_headers_to_add"))]
    return [one.get("value") for one in headers if str(one.get("key")).lower() == STAMP_HEADER]


def _shown(values: list[Any]) -> str:
    return ", ".join(map(str, values)) or "missing"


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _service_of(cluster: str) -> ServiceName | None:
    """The Service of a cluster's name; None for a cluster that is of no destination."""
    parts = cluster.split("|")
    return resolve(parts[3], "", parts[2]) if len(parts) == 4 and parts[0] == "outbound" else None


def _is_canary(cluster: str, rule: CanaryRule) -> bool:
    service = _service_of(cluster)
    return service is not None and canary_service(rule).covers(service)


def _is_cluster_of(cluster: str, upstream: str) -> bool:
    service = _service_of(cluster)
    return service is not None and parse_service(upstream).covers(service)


def _cluster_of_stat(name: str) -> str:
    return name.removeprefix("cluster.").removesuffix(".upstream_rq_active")
