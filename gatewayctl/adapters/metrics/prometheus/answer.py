"""The JSON of Prometheus as series. It comes from others: what is not as documented is refused, and never guessed."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gatewayctl.domain.bounds import shorten
from gatewayctl.domain.nesting import parse_json

_NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"NaN|[+-]?Inf")
_LONGEST = 300  # characters of what a server says


class BadAnswer(Exception):
    """An answer that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its labels, and its samples as (epoch seconds, value), in the order of their times."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]


def read_answer(body: str) -> tuple[Series, ...]:
    """The series in an answer; a single number is a series without labels. Raises BadAnswer."""
    data = _parse(body)
    if data.get("status") != "success":
        raise BadAnswer(f"the query failed: {error_of(body) or 'it does not say why'}")
    if data.get("warnings"):  # Thanos and others answer in part, and say so here
        raise BadAnswer(f"the answer is not whole: {_said(data['warnings'])}")
    match data.get("data"):
        case {"resultType": "matrix", "result": list(found)}:
            return tuple(_series(one, "values") for one in found)
        case {"resultType": "vector", "result": list(found)}:
            return tuple(_series(one, "value") for one in found)
        case {"resultType": "scalar", "result": list(sample)}:
            return (Series({}, (_sample(sample),)),)
        case {"resultType": str(kind)}:
            raise BadAnswer(f"the query gives a {_said(kind)}, and no numbers")
        case _:
            raise BadAnswer("the answer is not one of Prometheus")


def error_of(body: str) -> str:
    """What the server says went wrong, in one line; empty if it says nothing."""
    try:
        return _said(_parse(body).get("error") or "")
    except BadAnswer:
        return ""


def _parse(body: str) -> dict[str, Any]:
    try:
        data = parse_json(body)
    except ValueError as fault:
        raise BadAnswer("the answer is no JSON, or too long") from fault
    if not isinstance(data, dict):
        raise BadAnswer("the answer is not one of Prometheus")
    return data


def _said(text: object) -> str:
    return shorten(" ".join(str(text)[:_LONGEST].split()))


def _series(found: object, key: str) -> Series:
    match found:
        case {"metric": dict(labels)} if all(isinstance(value, str) for value in labels.values()):
            # A native histogram has `histograms` in place of numbers: it is not read.
            given = found.get(key, []) if isinstance(found, dict) else []
        case _:
            raise BadAnswer("a series has no labels")
    if not isinstance(given, list):
        raise BadAnswer("a series has no samples")
    pairs = given if key == "values" else [given] if given else []
    samples = tuple(_sample(one) for one in pairs)
    if any(later[0] <= earlier[0] for earlier, later in pairwise(samples)):
        raise BadAnswer("the samples of a series are not in the order of their times")
    return Series(labels, samples)


def _sample(found: object) -> tuple[float, float]:
    match found:
        case [int() | float() as at, str(text)] if not isinstance(at, bool) and math.isfinite(at):
            if _NUMBER.fullmatch(text) or _NOT_FINITE.fullmatch(text):
                return float(at), float(text)
    raise BadAnswer(f"a sample is no number: {_said(found)}")
