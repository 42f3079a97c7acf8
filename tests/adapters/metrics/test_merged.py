"""The gauges of the platform beside those of a source."""

from gatewayctl.adapters.metrics.merged import MergedSignals
from gatewayctl.domain.signals import Counters, Gauge, Snapshot, Version
from tests.contract.releases import a_release

RELEASE = a_release()
COUNTED = {("gw-0", Version.CANARY): Counters(5, 1)}


class Source:
    """Tells one snapshot, every minute."""

    name, every = "gateway", 60.0

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def read(self, release: object) -> Snapshot:
        assert release is RELEASE
        return self.snapshot


def merged(snapshot: Snapshot, gauges: dict[str, Gauge], *unknown: str) -> MergedSignals:
    return MergedSignals(Source(snapshot), lambda _: (gauges, unknown))


def test_the_source_keeps_its_name_and_is_read_as_often_as_pods_can_change():
    source = merged(Snapshot(1.0), {})

    assert (source.name, source.every) == ("gateway", 5.0)


def test_all_that_the_source_says_is_kept():
    snapshot = Snapshot(1.0, COUNTED, {"sold": Gauge(1.0)}, ("no answer",), ("left is not known",))

    found = merged(snapshot, {"OOMKilled": Gauge(2.0, 0.0), "cpu": Gauge(None)}, "cpu of canary is not known").read(
        RELEASE
    )

    assert found == Snapshot(
        1.0,
        COUNTED,
        {"sold": Gauge(1.0), "OOMKilled": Gauge(2.0, 0.0), "cpu": Gauge(None)},
        ("no answer",),
        ("left is not known", "cpu of canary is not known"),
    )


def test_a_signal_of_the_source_comes_before_a_gauge_of_the_platform():
    found = merged(Snapshot(1.0, gauges={"cpu": Gauge(0.5)}), {"cpu": Gauge(None)}, "cpu of canary is not known")

    assert found.read(RELEASE) == Snapshot(1.0, gauges={"cpu": Gauge(0.5)})
