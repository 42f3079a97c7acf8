"""Releases as JSON text and back, the same for every journal.

pydantic is loaded when the first record is read or written, not with the command line.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from gatewayctl.domain.errors import EnvironmentFailed, GatewayctlError
from gatewayctl.domain.nesting import check_json_depth
from gatewayctl.domain.release import Release

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@cache
def _codec() -> "TypeAdapter[Release]":
    from pydantic import TypeAdapter

    return TypeAdapter(Release)


def release_to_data(release: Release) -> dict[str, Any]:
    """`release` in lists, dictionaries, text and numbers only."""
    data: dict[str, Any] = _codec().dump_python(release, mode="json")
    return data


def release_from_data(data: object, source: str) -> Release:
    """The release that `release_to_data` took apart. Raises EnvironmentFailed; `source` says where it was found."""
    try:
        return _codec().validate_python(data)
    except (ValueError, GatewayctlError) as fault:
        raise EnvironmentFailed(f"{source}: not a release that this version can read: {fault}") from fault


def release_to_json(release: Release) -> str:
    """`release` as one line of JSON."""
    return _codec().dump_json(release).decode()


def release_from_json(text: str | bytes, source: str) -> Release:
    """The release that `release_to_json` wrote. Raises EnvironmentFailed; `source` says where it was found."""
    try:
        check_json_depth(text)
        return _codec().validate_json(text)
    except (ValueError, GatewayctlError) as fault:
        raise EnvironmentFailed(f"{source}: not a release that this version can read: {fault}") from fault
