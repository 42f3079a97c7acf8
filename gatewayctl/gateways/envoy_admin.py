"""Answers of an Envoy's admin port, for every product whose gateways are Envoys.

They come from another program, so their shape is checked at every step.
"""

import re
from typing import Any
from urllib.parse import quote

from gatewayctl.domain.errors import Transient
from gatewayctl.domain.nesting import TooDeep, parse_json
from gatewayctl.domain.platform import Replica
from gatewayctl.gateways.product import AdminGet

_UNHEALTHY = ("failed_active_health_check", "failed_outlier_check", "pending_dynamic_removal")
_FIT = frozenset({"", "UNKNOWN", "HEALTHY", "DEGRADED"})


def read_json(admin: AdminGet, replica: Replica, path: str) -> dict[str, Any]:
    """The JSON object at `path`. Raises EnvironmentFailed; Transient where the answer is no JSON object."""
    text = admin(replica, path)
    try:
        value = parse_json(text)
    except TooDeep as fault:
        raise Transient(f"{replica.name} answers {path} with JSON that is {fault}") from fault
    except ValueError as fault:
        size = f"{len(text)} characters"
        raise Transient(f"{replica.name} answers {path} with {size} that are not JSON") from fault
    if not isinstance(value, dict):
        raise Transient(f"{replica.name} answers {path} with JSON that is not an object")
    return value


def read_clusters(admin: AdminGet, replica: Replica, *names: str) -> dict[str, dict[str, Any]]:
    """What the replica says of the clusters with these names; those it does not know are left out. Raises as above."""
    path = f"/clusters?format=json&filter={filter_for('|'.join(map(re.escape, names)))}"
    statuses = dicts(read_json(admin, replica, path).get("cluster_statuses"))
    return {str(one["name"]): one for one in statuses if one.get("name") in names}


def stat_prefix(name: str) -> str:
    """How the names of a cluster's statistics begin; `name` is the name or the `alt_stat_name` of the cluster."""
    return f"cluster.{name.replace(':', '_')}."


def filter_for(pattern: str) -> str:
    """The value of a query's `filter` that lets through the names which match `pattern` as a whole."""
    return quote(f"^({pattern})$", safe="")


def dicts(value: object) -> list[dict[str, Any]]:
    """The objects in a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def as_dict(value: object) -> dict[str, Any]:
    """An object; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def is_healthy(host: dict[str, Any]) -> bool:
    """Whether requests are sent to an endpoint, one of `host_statuses`."""
    health = as_dict(host.get("health_status"))
    return str(health.get("eds_health_status", "")) in _FIT and not any(health.get(flag) for flag in _UNHEALTHY)
