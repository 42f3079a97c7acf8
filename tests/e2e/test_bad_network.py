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
from tests.e2e.proxy import Deed, Proxy, Request, proxied
from tests.e2e.shop_cluster import Done, Town
from tests.e2e.test_faults import ended, other
from tests.e2e.watcher import Watcher, watching

WRITES = (Deed.CONFLICT, Deed.THROTTLE, Deed.BREAK, Deed.BREAK_AFTER, Deed.LOSE, Deed.LOSE_AFTER)
WATCHES = (Deed.CUT, Deed.EXPIRE, Deed.MUTE, Deed.BREAK)
READS = (Deed.THROTTLE, Deed.BREAK, Deed.LOSE)
SEEDS, MORE = (1,), (2, 3, 4)
LEFT_OUT = (Deed.BREAK_AFTER, Deed.LOSE, Deed.CUT, Deed.EXPIRE)  # of make e2e; bad weather has them
RATE = 0.12  # of all requests, in bad weather
LONGEST = 300  # seconds that a release of the example may take, however bad the network

pytestmark = pytest.mark.timeout(600)  # a machine that is busy needs its time


def each(deeds: tuple[Deed, ...]) -> list[pytest.ParameterSet]:
    """All of them; those that are left out wait for make e2e-all."""
    return [pytest.param(deed, marks=[pytest.mark.all] if deed in LEFT_OUT else []) for deed in deeds]


@pytest.fixture
def watcher(town: Town) -> Iterator[Watcher]:
    with watching(town) as found:
        yield found


@dataclass
class EveryOther:
    """One deed, done to every other request of the kind that it can happen to; per object, so that each is met."""

    deed: Deed
    meets: Callable[[Request], bool]
    count: Counter[str] = field(default_factory=Counter)

    def __call__(self, request: Request) -> Deed:
        if not self.meets(request):
            return Deed.FORWARD
        self.count[request.path] += 1
        return self.deed if self.count[request.path] % 2 else Deed.FORWARD


class Weather:
    """Anything may happen to any request; one write hangs."""

    def __init__(self, seed: int) -> None:
        self.random, self.hung = random.Random(seed), False  # noqa: S311 (to be repeated, not to be secret)

    def __call__(self, request: Request) -> Deed:
        if self.random.random() > RATE:
            return Deed.FORWARD
        if request.watches:
            return self.random.choice(WATCHES)
        if not request.writes:
            return self.random.choice(READS)
        if not self.hung and "/configmaps/" in request.path:
            self.hung = True
            return self.random.choice((Deed.HANG, Deed.HANG_AFTER))
        return self.random.choice(WRITES)


def released(town: Town, folder: Path, image: str, deeds: Callable[[Request], Deed]) -> tuple[Done, Proxy]:
    """A release of payments through the proxy."""
    asked = ("release", "payments", "--image", image, "--promote", "on-success")
    begun = time.monotonic()
    with proxied(entered().kubeconfig, folder, deeds) as proxy:
        done = town.run(*asked, within=LONGEST, KUBECONFIG=str(proxy.kubeconfig))
    sys.stderr.write(
        f"\n{time.monotonic() - begun:.0f} s; " + "\n".join([f"{len(proxy.done)} requests", *proxy.faults])
    )
    return done, proxy


@pytest.mark.parametrize("deed", each(WRITES), ids=str)
def test_every_other_write_of_an_object_goes_wrong(town: Town, tmp_path: Path, watcher: Watcher, deed: Deed):
    before = town.image("payments")

    done, proxy = released(town, tmp_path, other(town, "payments"), EveryOther(deed, lambda one: one.writes))

    ended(town, "payments", before, done, watcher)
    assert done.code == 0, done.said
    assert len(proxy.faults) >= 6, proxy.faults


@pytest.mark.parametrize("deed", each(WATCHES), ids=str)
def test_every_other_watch_breaks(town: Town, tmp_path: Path, watcher: Watcher, deed: Deed):
    before = town.image("payments")

    done, proxy = released(town, tmp_path, other(town, "payments"), EveryOther(deed, lambda one: one.watches))

    ended(town, "payments", before, done, watcher)
    assert done.code == 0, done.said
    assert proxy.faults


@pytest.mark.parametrize("seed", [*SEEDS, *(pytest.param(seed, marks=pytest.mark.all) for seed in MORE)])
def test_in_bad_weather_a_release_ends_promoted_or_restored(town: Town, tmp_path: Path, watcher: Watcher, seed: int):
    before = town.image("payments")

    done, proxy = released(town, tmp_path, other(town, "payments"), Weather(seed))

    ended(town, "payments", before, done, watcher)
    assert proxy.faults


def test_in_bad_weather_a_canary_that_crashes_is_taken_back(town: Town, tmp_path: Path, watcher: Watcher):
    before = town.image("payments")

    done, _ = released(town, tmp_path, "shop/orders:1.1-crash", Weather(SEEDS[0]))

    ended(town, "payments", before, done, watcher)
    assert done.code != 0, done.said
