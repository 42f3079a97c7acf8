"""Reading JSON objects of the API: what is absent, or is of another type than expected, reads as empty."""

from typing import Any

from gatewayctl.adapters.kubernetes.client.api import Object


def part(found: Object, *path: str) -> Object:
    """The object at a path of keys; an empty one where there is none."""
    here: Any = found
    for key in path:
        here = here.get(key) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}


def items(found: Object, *path: str) -> list[Object]:
    """The objects in the list at a path of keys; none where there is no list."""
    here = part(found, *path[:-1]).get(path[-1])
    return [one for one in here if isinstance(one, dict)] if isinstance(here, list) else []


def texts(found: Object, *path: str) -> dict[str, str]:
    """The text values of the object at a path of keys; values of other types are left out."""
    return {key: value for key, value in part(found, *path).items() if isinstance(value, str)}


def number(found: Object, key: str) -> int:
    """A whole number; 0 where there is none."""
    value = found.get(key)
    return value if isinstance(value, int) else 0


def name_of(found: Object) -> str:
    """The object's own name, from its metadata."""
    return str(part(found, "metadata").get("name", ""))
