"""What a contract suite needs of a world that it runs on: the ports, names to use, and a way to wait."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gatewayctl.domain.platform import Holder
from gatewayctl.ports import Evidence, Journal, Leases, Replicas, RouteStore, Turns, WorkloadReader, WorkloadWriter


@dataclass(frozen=True, slots=True)
class Names:
    """What is what in a world. `busy` has ready pods, `idle` has none; images fit both.

    `crashing` ends right after its start, `unready` runs and never gets ready, `unknown` cannot be had at all.
    """

    busy: str
    idle: str
    image: str
    next_image: str
    crashing: str
    unready: str
    unknown: str


SHOP_NAMES = Names(
    busy="orders",
    idle="orders-canary",
    image="shop/orders:1.0",
    next_image="shop/orders:1.1",
    crashing="shop/orders:1.1-crash",
    unready="shop/orders:1.1-unready",
    unknown="shop/orders:0.0",
)


class Platform(Protocol):
    """A running cluster with a gateway."""

    @property
    def names(self) -> Names: ...
    @property
    def workloads(self) -> WorkloadReader: ...
    @property
    def workload_writer(self) -> WorkloadWriter: ...
    @property
    def routes(self) -> RouteStore: ...
    @property
    def replicas(self) -> Replicas: ...

    def reset(self) -> None:
        """As at the beginning: `busy` and `idle` run `image`, `idle` has no pod, routes are the first ones."""

    def settle(self, ready: Callable[[], bool], what: str) -> None:
        """Let time pass until `ready`; fail, naming `what`, when the platform had more than enough."""

    def a_text(self, mark: str) -> str:
        """Another valid route file with `mark` in it, as awkward in bytes as the product takes it."""

    def take_down(self, replica: str) -> None:
        """End a gateway replica and keep it down."""

    def bring_back(self, replica: str) -> None:
        """Let it start again."""


class Books(Protocol):
    """Where releases, leases and evidence are kept. `kept` is how many ended releases, `ttl` is in seconds."""

    @property
    def journal(self) -> Journal: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def evidence(self) -> Evidence: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def kept(self) -> int: ...
    @property
    def ttl(self) -> float: ...

    def journal_elsewhere(self) -> Journal:
        """The journal of another process, kept in the same place."""

    def here(self, actor: str) -> Holder:
        """A holder that is alive, on this machine; another one at each call."""

    def elsewhere(self, actor: str) -> Holder:
        """A holder on another machine, of which nothing is known but silence."""

    def end_process(self, holder: Holder) -> None:
        """Make a holder `here` one that is provably gone."""

    def pass_time(self, seconds: float) -> None:
        """Let the clock of leases and turns go on."""

    def document(self, release: str, name: str) -> str | None:
        """What a person finds in the bundle under this name."""
