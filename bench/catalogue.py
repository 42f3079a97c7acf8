"""Every benchmark there is, by name: one line here and one heading in docs/bench.md add another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bench.commands import memory, prompt
from bench.crowd import crowd
from bench.edits import edits
from bench.figures import Figure
from bench.judge import judge
from bench.live import live
from bench.probes import probes
from bench.products import products
from bench.release import footprint, release
from bench.size import Size


class Place(StrEnum):
    """Where a benchmark runs: on any machine, or inside a test cluster."""

    HERE = "here"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A function that yields figures as it gets them."""

    name: str
    place: Place
    run: Callable[[Size], Iterator[Figure]]


BENCHMARKS = (
    Benchmark("edits", Place.HERE, edits),
    Benchmark("prompt", Place.HERE, prompt),
    Benchmark("memory", Place.HERE, memory),
    Benchmark("probes", Place.HERE, probes),
    Benchmark("judge", Place.HERE, judge),
    Benchmark("live", Place.CLUSTER, live),
    Benchmark("products", Place.CLUSTER, products),
    Benchmark("release", Place.CLUSTER, release),
    Benchmark("crowd", Place.CLUSTER, crowd),
    Benchmark("footprint", Place.CLUSTER, footprint),
)
