"""Releases as JSON text and back, the same for every journal and for saved plans.

pydantic is loaded when the first record is read or written, not with the command line.
"""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from gatewayctl.adapters.files.upgrades import SCHEMA, NewerSchema, upgrade
from gatewayctl.domain.errors import EnvironmentFailed, GatewayctlError
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.release import Release

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@cache
def _codec() -> "TypeAdapter[Release]":
    from pydantic import TypeAdapter

    return TypeAdapter(Release)


def release_to_data(release: Release) -> dict[str, Any]:
    """The record of `release`: lists, dictionaries, text and numbers only."""
    return {"schema": SCHEMA, "id": release.id, "release": _codec().dump_python(release, mode="json")}


def decode(record: object) -> Release:
    """The release in a record of this version or an earlier one.

    Raises NewerSchema for a record of a later one, ValueError or GatewayctlError for what is no record.
    """
    return _codec().validate_python(upgrade(record))


def release_from_data(record: object, source: str) -> Release:
    """As `decode`. Raises EnvironmentFailed; `source` says where the record was found."""
    try:
        return decode(record)
    except NewerSchema as fault:
        raise EnvironmentFailed(f"{source}: {fault}", hint=fault.hint) from fault
    except (ValueError, GatewayctlError) as fault:
        raise EnvironmentFailed(f"{source}: not a release that this version can read: {fault}") from fault


def release_to_json(release: Release) -> str:
    """The record of `release` as one line of JSON."""
    return json.dumps(release_to_data(release), ensure_ascii=False, separators=(",", ":"))


def release_from_json(text: str | bytes, source: str) -> Release:
    """The release that `release_to_json` wrote. Raises EnvironmentFailed; `source` says where it was found."""
    try:
        record = parse_json(text)
    except ValueError as fault:
        raise EnvironmentFailed(f"{source}: not a release that this version can read: {fault}") from fault
    return release_from_data(record, source)
