"""A source of signals and the gauges of the platform in one: rules about Pods work with every source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gatewayctl.domain.release import Release
from gatewayctl.domain.signals import Gauge, Snapshot
from gatewayctl.ports import SignalSource

_OFTEN = 5.0  # seconds; the platform's gauges need no scrape

ReadGauges = Callable[[Release], tuple[Mapping[str, Gauge], tuple[str, ...]]]
"""The platform's gauges by name, and in words why some have no value, each beginning with its name. Raises nothing."""


@dataclass(frozen=True, slots=True)
class MergedSignals:
    """Implements ports.SignalSource. A signal of the source's own comes before a gauge of the same name."""

    source: SignalSource
    gauges: ReadGauges

    @property
    def name(self) -> str:
        """That of the source."""
        return self.source.name

    @property
    def every(self) -> float:
        """Seconds between two reads that can differ."""
        return min(self.source.every, _OFTEN)

    def read(self, release: Release) -> Snapshot:
        """What the source says, and the gauges of the platform."""
        snapshot = self.source.read(release)
        gauges, unknown = self.gauges(release)
        more = {name: one for name, one in gauges.items() if name not in snapshot.gauges}
        left = tuple(text for text in unknown if text.partition(" ")[0] in more)
        return replace(snapshot, gauges={**snapshot.gauges, **more}, unknown=(*snapshot.unknown, *left))
