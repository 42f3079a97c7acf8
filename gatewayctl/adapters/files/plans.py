"""Saved plans: a file that a person has read and a pipeline carries out."""

import os
from pathlib import Path

from gatewayctl.domain.errors import GatewayctlError, UsageFault
from gatewayctl.domain.nesting import check_json_depth
from gatewayctl.domain.plan import Plan

_LARGEST = 50_000_000  # bytes
_MAKE = "make one with: gatewayctl plan APP --image IMAGE --save FILE"


def save_plan(made: Plan, file: Path) -> None:
    """Write `made`, readable by its owner only: it holds the header value that reaches the canary."""
    from pydantic import TypeAdapter

    text = TypeAdapter(Plan).dump_json(made, indent=1)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(text)
    except OSError as fault:
        raise UsageFault(
            f"{file}: cannot be written: {fault.strerror}", hint="name a file in a folder of yours"
        ) from fault


def plan_from(file: Path) -> Plan:
    """The plan in `file`. Raises UsageFault."""
    from pydantic import TypeAdapter, ValidationError

    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as fault:
        raise UsageFault(f"{file}: cannot be read: {fault.strerror}", hint=_MAKE) from fault
    if len(content) > _LARGEST:
        raise UsageFault(f"{file}: larger than a plan can be", hint=_MAKE)
    try:
        check_json_depth(content)
        return TypeAdapter(Plan).validate_json(content)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise UsageFault(f"{file}: not a plan that this version can read: {reason}", hint=_MAKE) from fault
    except (ValueError, GatewayctlError) as fault:
        raise UsageFault(f"{file}: not a plan that this version can read: {fault}", hint=_MAKE) from fault
