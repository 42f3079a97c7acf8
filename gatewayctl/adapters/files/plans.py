"""Saved plans: a file that a person has read and a pipeline carries out."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayctl.adapters.files.records import decode, release_to_data
from gatewayctl.adapters.files.upgrades import NewerSchema
from gatewayctl.domain.errors import GatewayctlError, UsageFault
from gatewayctl.domain.nesting import check_json_depth
from gatewayctl.domain.plan import Diff, Plan

if TYPE_CHECKING:
    from pydantic import ValidationError

_LARGEST = 50_000_000  # bytes
_MAKE = "make one with: gatewayctl plan APP --image IMAGE --save FILE"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as its file holds it; `release` is a record, as in a journal."""

    release: dict[str, Any]
    steps: tuple[str, ...]
    diffs: tuple[Diff, ...]
    basis: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


def save_plan(plan: Plan, file: Path) -> None:
    """Write `plan`, readable by its owner only: it holds the header value that reaches the canary."""
    from pydantic import TypeAdapter

    saved = SavedPlan(release_to_data(plan.release), plan.steps, plan.diffs, plan.basis, plan.notes)
    text = TypeAdapter(SavedPlan).dump_json(saved, indent=1)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(text)
    except OSError as fault:
        raise UsageFault(
            f"{file}: cannot be written: {fault.strerror}", hint="name a file in a folder of yours"
        ) from fault


def plan_from(file: Path) -> Plan:
    """The plan in `file`, of this version or an earlier one. Raises UsageFault."""
    from pydantic import ValidationError

    content = _read(file)
    try:
        return _decode(content)
    except NewerSchema as fault:
        raise UsageFault(f"{file}: {fault}", hint=fault.hint) from fault
    except ValidationError as fault:
        raise UsageFault(f"{file}: not a plan that this version can read: {_first(fault)}", hint=_MAKE) from fault
    except (ValueError, GatewayctlError) as fault:
        raise UsageFault(f"{file}: not a plan that this version can read: {fault}", hint=_MAKE) from fault


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as fault:
        raise UsageFault(f"{file}: cannot be read: {fault.strerror}", hint=_MAKE) from fault
    if len(content) > _LARGEST:
        raise UsageFault(f"{file}: larger than a plan can be", hint=_MAKE)
    return content


def _decode(content: bytes) -> Plan:
    from pydantic import TypeAdapter

    check_json_depth(content)
    saved = TypeAdapter(SavedPlan).validate_json(content)
    return Plan(decode(saved.release), saved.steps, saved.diffs, saved.basis, saved.notes)


def _first(fault: "ValidationError") -> str:
    """The first of its errors in one line."""
    first = fault.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]
