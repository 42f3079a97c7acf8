"""What one gateway product is: a value that its folder declares in `product.py`, and the registry finds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.domain.signals import Counters, Version
from gatewayctl.gateways.resource import RouteResource
from gatewayctl.gateways.reversible import Reversible
from gatewayctl.ports import Activation, Checker, Dialect, Readback

AdminGet = Callable[[Replica, str], str]
"""GET a path from a replica's admin port. Raises EnvironmentFailed."""

AdminPost = Callable[[Replica, str], str]
"""POST without a body to a path of a replica's admin port. Raises EnvironmentFailed."""

Now = Callable[[], float]
"""The time in seconds, monotonic."""


ReadStatistics = Callable[[AdminGet, Replica, CanaryRule], Mapping[Version, Counters]]
"""What a replica has counted of each version since it started. With a share, only unmarked requests count for the
canary: marked ones are no sample of the same traffic. A version is left out where the replica does not count it; one
without requests yet is counted, with 0. The counts are of attempts, so that the gateway's retries neither hide errors
nor double them. Raises EnvironmentFailed."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The product's own statistics; `every` is the seconds between two reads that can differ."""

    read: ReadStatistics
    every: float


@dataclass(frozen=True, slots=True)
class Watches:
    """The product loads changed configuration by itself. So this is its ports.Activation, too: it has nothing to do."""

    def activate(self, replica: Replica) -> str:  # noqa: ARG002 (the port's signature)
        """Nothing is missing on our side: what the replica has loaded is for the proof to see."""
        return ""

    def leftovers(self, replica: Replica) -> int | None:  # noqa: ARG002
        """None: no process ends when the configuration changes."""
        return None


@dataclass(frozen=True, slots=True)
class OnSignal:
    """The product loads changed files when its master process gets `signal`.

    `master_title` is how that process's title begins, `worker_title` the title of a process that takes new requests,
    `draining_title` that of one which only finishes its old ones. `config_test` makes, of the master's whole title,
    the command that tests the files with the options of that master. A line of the product's log that contains
    `error_mark` says why the files were not loaded.
    """

    signal: str
    master_title: str
    worker_title: str
    draining_title: str
    config_test: Callable[[str], tuple[str, ...]]
    error_mark: str


@dataclass(frozen=True, slots=True)
class OnRequest:
    """The product loads changed files when its admin port gets a request, which the `activation` sends."""

    activation: Callable[[AdminPost, Now], Activation]


@dataclass(frozen=True, slots=True)
class GatewayProduct:
    """One gateway product: how it spells rules, what it can be asked, who checks its files, what makes it load them.

    `edits` says what the dialect edits and `checked` how the checker checks it, both for docs/gateways.md.
    `resource` is the API object that its rules are; None where they are files. `statistics` is None where a replica
    cannot tell how many requests each upstream got.
    `plain_dialect` only has the product's own edit.
    """

    kind: str
    edits: str
    checked: str
    plain_dialect: Dialect
    readback: Callable[[AdminGet], Readback]
    checker: Callable[[], Checker]
    loads: Watches | OnSignal | OnRequest
    resource: RouteResource | None = None
    statistics: Statistics | None = None

    @property
    def dialect(self) -> Dialect:
        """Its dialect, which never returns an edit that it could not undo byte for byte."""
        return Reversible(self.plain_dialect)
