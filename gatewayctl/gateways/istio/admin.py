"""Answers of the Envoy in a gateway replica. They come from another program, so their shape is checked at every step.

Istio's gateways serve the admin port 15000 on the loopback address only.
"""

from typing import Any

from gatewayctl.domain.errors import Transient
from gatewayctl.domain.nesting import TooDeep, parse_json
from gatewayctl.domain.platform import Replica
from gatewayctl.gateways.product import AdminGet


def read_json(admin: AdminGet, replica: Replica, path: str) -> dict[str, Any]:
    """The JSON object at `path`. Raises EnvironmentFailed; Transient where the answer is no JSON object."""
    text = admin(replica, path)
    try:
        value = parse_json(text)
    except TooDeep as fault:
        raise Transient(f"{replica.name} answers {path} with JSON that is {fault}") from fault
    except ValueError as fault:
        raise Transient(f"{replica.name} answers {path} with {len(text)} characters that are not JSON") from fault
    if not isinstance(value, dict):
        raise Transient(f"{replica.name} answers {path} with JSON that is not an object")
    return value


def dicts(value: object) -> list[dict[str, Any]]:
    """The objects in a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def as_dict(value: object) -> dict[str, Any]:
    """An object; an empty one where it is none."""
    return value if isinstance(value, dict) else {}
