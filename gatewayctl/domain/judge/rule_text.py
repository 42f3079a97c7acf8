"""From `p99 <= 1.5 x stable` to a rule: the texts that people write, and what is wrong with those that are none."""

import re

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.judge.figures import DURATIONS, QUANTILE, SHARES
from gatewayctl.domain.judge.rules import Comparison, Rule

SAMPLES = 20
"""Requests that a rule about requests needs where it does not say how many; a rule about a gauge needs one read."""

_HINT = "write it as: error_rate < 0.1%, p99 <= 1.5 x stable, error_rate > 1% for 2m, mean > 500ms of at least 100"
_NAME = re.compile(r"[A-Za-z_][\w.:-]*")
# Of words with one space between them.
_RULE = re.compile(
    r"(?P<figure>\S+?) ?(?P<comparison><=|>=|<|>) ?(?P<number>[+-]?\d+(?:\.\d+)?) ?(?P<unit>%|ms|s)?"
    r"(?P<stable> ?[x×*] ?stable)?(?: for (?P<time>\d+(?:\.\d+)?) ?(?P<per>s|m|h))?"
    r"(?: of at least (?P<samples>\d+))?"
)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_UNITS = {"%": 0.01, "ms": 0.001, "s": 1.0, None: 1.0}


def parse_rule(text: str) -> Rule:
    """The rule that a text says. Raises UsageFault when it says none; the message quotes the text."""
    words = " ".join(text.split())
    found = _RULE.fullmatch(words)
    if found is None:
        raise UsageFault(f"{text!r} is not a rule: a figure, one of < <= > >=, and a number are expected", hint=_HINT)
    figure = found["figure"]
    limit = float(found["number"]) * _UNITS[found["unit"]]
    fault = _fault(figure, found["unit"], found["number"], is_relative=bool(found["stable"]))
    if fault:
        raise UsageFault(f"{text!r} is not a rule: {fault}", hint=_HINT)
    is_of_requests = figure in (*SHARES, *DURATIONS) or QUANTILE.fullmatch(figure) is not None
    samples = int(found["samples"]) if found["samples"] else SAMPLES if is_of_requests else 1
    if samples < 1:
        raise UsageFault(f"{text!r} is not a rule: without a sample nothing is known", hint="of at least 1")
    seconds = float(found["time"]) * _SECONDS[found["per"]] if found["time"] else 0.0
    return Rule(figure, Comparison(found["comparison"]), limit, bool(found["stable"]), seconds, samples, words)


def _fault(figure: str, unit: str | None, number: str, *, is_relative: bool) -> str:
    """What is wrong with the parts of a rule; empty for nothing."""
    named = QUANTILE.fullmatch(figure)
    if not _NAME.fullmatch(figure):
        return f"{figure} is no name of a figure"
    if is_relative:
        if unit or figure == "traffic":
            return f"{figure} is compared with stable as a plain number of times, such as 1.5 x stable"
        return "" if float(number) > 0 else "0 x stable, or less, is always 0"
    if named or figure in DURATIONS:
        if named and not 0 < float(named[1]) < 100:
            return f"{figure} is no quantile"
        return "" if unit in ("ms", "s") else f"{figure} is a time: {number} of what? ms or s"
    if figure in SHARES:
        return "" if unit == "%" else f"{figure} is a share: {number} has to end with %"
    return ""
