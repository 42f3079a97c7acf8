"""Ask a running Envoy what it does: its own dump of the configuration that its workers use, and its counters.

What an admin port answers is untrusted: every shape is checked, and what does not fit is not counted.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import ConfigProof, Replica
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule

Admin = Callable[[Replica, str], str]


class EnvoyLive:
    """Implements ports.Live over Envoy's admin port; `admin` GETs a path of a replica."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    def rule_of(self, replica: Replica, rule: CanaryRule) -> ConfigProof:
        """Live routes of the rule's name: those that are it, and those that only bear its name (strangers)."""
        # The whole dump: routes live in route configurations, or inline in listeners.
        found = [one for one in _routes(self._json(replica, "/config_dump")) if one.get("name") == rule.name]
        same = [one for one in found if _is(one, rule)]
        strangers = len(found) - len(same)
        detail = f"{strangers} routes named {rule.name} have other content" if strangers else ""
        return ConfigProof(asked=True, routes=len(same), detail=detail, strangers=strangers)

    def upstream_ready(self, replica: Replica, upstream: str) -> ConfigProof:
        """How many healthy hosts the cluster has."""
        clusters = _list(_dict(self._json(replica, "/clusters?format=json")).get("cluster_statuses"))
        known = [one for one in map(_dict, clusters) if one.get("name") == upstream]
        if not known:
            return ConfigProof(asked=True, detail=f"{replica.name} does not know the cluster {upstream}")
        hosts = [host for one in known for host in map(_dict, _list(one.get("host_statuses")))]
        healthy = sum(1 for host in hosts if _dict(host.get("health_status")).get("eds_health_status") == "HEALTHY")
        detail = "" if healthy else f"the cluster {upstream} has no healthy host ({len(hosts)} in all)"
        return ConfigProof(asked=True, routes=healthy, detail=detail)

    def in_flight(self, replica: Replica, upstream: str) -> int | None:
        """The cluster's active requests; 0 for a cluster that is not there, because nothing can be sent to it."""
        pattern = f"^cluster\\.{re.escape(upstream)}\\.upstream_rq_active$"
        text = self._admin(replica, f"/stats?filter={quote(pattern, safe='')}")
        counts = re.findall(r"upstream_rq_active: (\d+)", text)
        return sum(map(int, counts))

    def _json(self, replica: Replica, path: str) -> Any:
        try:
            return json.loads(self._admin(replica, path))
        except (ValueError, RecursionError) as fault:
            raise EnvironmentFailed(f"{replica.name}: {path} of the admin port is not JSON: {fault}") from fault


def _routes(dump: Any) -> Iterator[dict[str, Any]]:
    """Every object in a dump that is a route: it has a match, and stands in a list called routes."""
    pending = [dump]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            for key, value in one.items():
                if key == "routes" and isinstance(value, list):
                    yield from (route for route in value if isinstance(route, dict) and "match" in route)
                elif not key.endswith("error_state"):  # what Envoy refused is not live
                    pending.append(value)
        elif isinstance(one, list):
            pending += one


def _is(route: dict[str, Any], rule: CanaryRule) -> bool:
    """Whether a live route has the rule's header, target and stamp."""
    headers = map(_dict, _list(_dict(route.get("match")).get("headers")))
    marked = any(
        one.get("name") == rule.header.name and _dict(one.get("string_match")).get("exact") == rule.header.value
        for one in headers
    )
    added = [_dict(_dict(one).get("header")) for one in _list(route.get("response_headers_to_add"))]
    stamped = any(one.get("key") == STAMP_HEADER and one.get("value") == rule.stamp for one in added)
    return marked and stamped and _dict(route.get("route")).get("cluster") == rule.canary


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
