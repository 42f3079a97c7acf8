"""Types of keys of gatewayctl.yaml that several models use."""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

KEPT = {"kept": True}
"""The context for a file that a release left in the cluster: an older gatewayctl accepted what is refused now."""


def _parse_seconds(value: object, info: ValidationInfo) -> object:
    """Seconds from a text such as `250ms`, `10s` or `1h`, else ValueError.

    A number without a unit is refused: `slack: 25` was 25 seconds, and whoever wrote it meant milliseconds.
    """
    if not isinstance(value, str) and is_kept(info):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"expected a duration with its unit, such as {value}s or {value}ms")  # noqa: TRY004  # pydantic
    raise ValueError("expected a duration such as 30s or 5m")


def parse_duration(text: str) -> float:
    """Seconds from a text such as `250ms`, `10s` or `1h`, else ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text.strip())
    if not match:
        raise ValueError("expected a duration such as 30s or 5m")
    return float(match[1]) * _UNITS[match[2]]


def is_kept(info: ValidationInfo) -> bool:
    """Whether the file is one that a release left in the cluster."""
    return info.context == KEPT


Seconds = Annotated[float, BeforeValidator(_parse_seconds), Field(gt=0)]


class StrictConfigModel(BaseModel):
    """Unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
