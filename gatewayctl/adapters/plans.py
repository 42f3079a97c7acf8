"""Saved plans: a file that a person has read and a pipeline carries out."""

import os
from pathlib import Path

from gatewayctl.domain.errors import GatewayctlError, UsageFault
from gatewayctl.domain.plan import Plan

_LARGEST = 50_000_000  # bytes


def save_plan(made: Plan, file: Path) -> None:
    """Write `made`, readable by its owner only: it holds the header value that reaches the canary."""
    from pydantic import TypeAdapter

    text = TypeAdapter(Plan).dump_json(made, indent=1)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(text)
    except OSError as fault:
        raise UsageFault(f"{file}: cannot be written: {fault}") from fault


def plan_from(file: Path) -> Plan:
    """The plan in `file`. Raises UsageFault."""
    from pydantic import TypeAdapter

    try:
        if file.stat().st_size > _LARGEST:
            raise UsageFault(f"{file}: larger than a plan can be")
        return TypeAdapter(Plan).validate_json(file.read_bytes())
    except OSError as fault:
        raise UsageFault(
            f"{file}: cannot be read: {fault}", hint="gatewayctl plan APP --image I --save FILE"
        ) from fault
    except (ValueError, GatewayctlError) as fault:
        raise UsageFault(f"{file}: not a plan that this version can read: {fault}") from fault
