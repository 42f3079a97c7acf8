"""How strong the evidence is by now: of each signal, and of all of them together."""

import math
from collections.abc import Sequence

from gatewayctl.domain.judge.kernel import log_sum
from gatewayctl.domain.judge.settings import Kind, Settings, Signal
from gatewayctl.domain.judge.state import Track
from gatewayctl.domain.judge.tracks import log_worse

Pairs = Sequence[tuple[Signal, Track]]


def pairs(settings: Settings, tracks: Sequence[Track]) -> Pairs:
    """The signals that are judged in this step, with their tracks."""
    taken = {one.name for one in settings.judged}
    return [pair for pair in zip(settings.signals, tracks, strict=True) if pair[0].name in taken]


def own(taken: Pairs) -> Pairs:
    """Those that say something of the version's answers, not of how requests were divided."""
    return [pair for pair in taken if pair[0].kind in (Kind.ERRORS, Kind.QUANTILE, Kind.MEAN)]


def log_all(taken: Pairs) -> float:
    """The log of the mean of all signals' e-values: it is one, too, so that many signals raise no more false alarms."""
    values = [log_worse(signal, one) for signal, one in taken]
    return log_sum(values) - math.log(len(values)) if values else 0.0
