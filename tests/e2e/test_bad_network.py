"""Whole releases through a proxy that does to requests what networks and busy API servers do.

First one thing at a time, to every other request that it can happen to: a release must take that in its stride, and
promote. Then all of it at random, from a seed: the release ends promoted or restored. The watcher has its own way to
the cluster.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cluster.place import entered
from tests.e2e.proxy import Disruption, Proxy, Request, proxied
from tests.e2e.shop_cluster import Done, ShopCluster
from tests.e2e.test_faults import ended, other
from tests.e2e.watcher import Watcher, watching

WRITES = (
    Disruption.CONFLICT,
    Disruption.THROTTLE,
    Disruption.BREAK,
    Disruption.BREAK_AFTER,
    Disruption.LOSE,
    Disruption.LOSE_AFTER,
)
WATCHES = (Disruption.CUT, Disruption.EXPIRE, Disruption.MUTE, Disruption.BREAK)
READS = (Disruption.THROTTLE, Disruption.BREAK, Disruption.LOSE)
SEEDS, MORE = (1,), (2, 3, 4)
LEFT_OUT = (
    Disruption.BREAK_AFTER,
    Disruption.LOSE,
    Disruption.CUT,
    Disruption.EXPIRE,
)  # of make e2e; RandomFaults has them
RATE = 0.12  # of all requests, in bad weather
LONGEST = 300  # seconds that a release of the example may take, however bad the network

pytestmark = pytest.mark.timeout(600)  # a machine that is busy needs its time


def each(disruptions: tuple[Disruption, ...]) -> list[pytest.ParameterSet]:
    """All of them; those that are left out wait for make e2e-all."""
    return [
        pytest.param(disruption, marks=[pytest.mark.all] if disruption in LEFT_OUT else [])
        for disruption in disruptions
    ]


@pytest.fixture
def watcher(cluster: ShopCluster) -> Iterator[Watcher]:
    with watching(cluster) as found:
        yield found


@dataclass
class EveryOther:
    """One disruption for every other request that `meets` selects; counted per object, so that each object is hit."""

    disruption: Disruption
    meets: Callable[[Request], bool]
    count: Counter[str] = field(default_factory=Counter)

    def __call__(self, request: Request) -> Disruption:
        if not self.meets(request):
            return Disruption.FORWARD
        self.count[request.path] += 1
        return self.disruption if self.count[request.path] % 2 else Disruption.FORWARD


class RandomFaults:
    """A random disruption for some of all requests, repeatable from a seed; one write hangs."""

    def __init__(self, seed: int) -> None:
        self.random, self.hung = random.Random(seed), False  # noqa: S311 (to be repeated, not to be secret)

    def __call__(self, request: Request) -> Disruption:
        if self.random.random() > RATE:
            return Disruption.FORWARD
        if request.watches:
            return self.random.choice(WATCHES)
        if not request.writes:
            return self.random.choice(READS)
        if not self.hung and "/configmaps/" in request.path:
            self.hung = True
            return self.random.choice((Disruption.HANG, Disruption.HANG_AFTER))
        return self.random.choice(WRITES)


def released(
    cluster: ShopCluster, folder: Path, image: str, disruptions: Callable[[Request], Disruption]
) -> tuple[Done, Proxy]:
    """A release of payments through the proxy."""
    asked = ("release", "payments", "--image", image, "--promote", "on-success", "--untested")
    begun = time.monotonic()
    with proxied(entered().kubeconfig, folder, disruptions) as proxy:
        done = cluster.run(*asked, within=LONGEST, KUBECONFIG=str(proxy.kubeconfig))
    sys.stderr.write(
        f"\n{time.monotonic() - begun:.0f} s; " + "\n".join([f"{len(proxy.done)} requests", *proxy.faults])
    )
    return done, proxy


@pytest.mark.parametrize("disruption", each(WRITES), ids=str)
def test_every_other_write_of_an_object_goes_wrong(
    cluster: ShopCluster, tmp_path: Path, watcher: Watcher, disruption: Disruption
):
    before = cluster.image("payments")

    done, proxy = released(
        cluster, tmp_path, other(cluster, "payments"), EveryOther(disruption, lambda one: one.writes)
    )

    ended(cluster, "payments", before, done, watcher)
    assert done.code == 0, done.said
    assert len(proxy.faults) >= 6, proxy.faults


@pytest.mark.parametrize("disruption", each(WATCHES), ids=str)
def test_every_other_watch_breaks(cluster: ShopCluster, tmp_path: Path, watcher: Watcher, disruption: Disruption):
    before = cluster.image("payments")

    done, proxy = released(
        cluster, tmp_path, other(cluster, "payments"), EveryOther(disruption, lambda one: one.watches)
    )

    ended(cluster, "payments", before, done, watcher)
    assert done.code == 0, done.said
    assert proxy.faults


@pytest.mark.parametrize("seed", [*SEEDS, *(pytest.param(seed, marks=pytest.mark.all) for seed in MORE)])
def test_in_bad_weather_a_release_ends_promoted_or_restored(
    cluster: ShopCluster, tmp_path: Path, watcher: Watcher, seed: int
):
    before = cluster.image("payments")

    done, proxy = released(cluster, tmp_path, other(cluster, "payments"), RandomFaults(seed))

    ended(cluster, "payments", before, done, watcher)
    assert proxy.faults


def test_in_bad_weather_a_canary_that_crashes_is_taken_back(cluster: ShopCluster, tmp_path: Path, watcher: Watcher):
    before = cluster.image("payments")

    done, _ = released(cluster, tmp_path, "shop/orders:1.1-crash", RandomFaults(SEEDS[0]))

    ended(cluster, "payments", before, done, watcher)
    assert done.code != 0, done.said
