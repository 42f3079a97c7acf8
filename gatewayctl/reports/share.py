"""Which share of an application's unmarked requests reaches its canary now."""

from dataclasses import dataclass

from gatewayctl.domain.shares import ShareCount


@dataclass(frozen=True, slots=True)
class ShareReport:
    """What `route share` counted on each replica, beside the `asked` percentage of the release."""

    app: str
    asked: int
    counts: tuple[tuple[str, ShareCount], ...]

    @property
    def total(self) -> ShareCount:
        """All replicas together."""
        return sum((count for _, count in self.counts), ShareCount(0, 0))

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.share/1`."""
        rows = [{"replica": name, **_data(count)} for name, count in self.counts]
        return {
            "schema": "gatewayctl.share/1",
            "app": self.app,
            "asked": self.asked,
            "total": _data(self.total),
            "replicas": rows,
        }

    def text(self) -> str:
        """One line per replica, then all of them."""
        lines = [f"{_mark(count, self.asked)} {name}: {count}" for name, count in self.counts]
        return "\n".join([*lines, f"{_mark(self.total, self.asked)} all: {self.total}; {self.asked} % asked"])


def _mark(count: ShareCount, asked: int) -> str:
    return "✓" if count.fits(asked) else "✗"


def _data(count: ShareCount) -> dict[str, object]:
    low, high = count.interval
    return {
        "requests": count.requests,
        "canary": count.canary,
        "interval": [round(100 * low, 3), round(100 * high, 3)],
    }
