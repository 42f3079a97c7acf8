"""How a canary is tried: the suite and the load of an application, and how long each step may take."""

from dataclasses import dataclass, field

from gatewayctl.domain.ramp import Promotion, Ramp
from gatewayctl.domain.unproven import Unproven


@dataclass(frozen=True, slots=True)
class Suite:
    """The pytest suite of an application.

    `python` is the program or the virtual environment that runs it; empty: the Python of gatewayctl. `args` are further
    arguments of pytest. `env` are names of variables: the values may be secrets, so the journal never has them.
    `unproven` are its tests that need no answer of the canary.
    """

    path: str
    timeout: float = 600.0
    reruns: int = 0
    python: str = ""
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    unproven: tuple[Unproven, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """The locust load of an application, and how much worse than stable its canary may be.

    `slower` is the largest ratio of the P95s; a difference up to `slack` (seconds) is always accepted. `more_errors` is
    the largest difference of the error shares, `samples` the least number of requests per version. A load goes on after
    `duration` until it has them, up to `max_duration`. `workers` processes share the users; 0: one process has all.
    `classes` says how many users each class has; empty: as the locustfile says. `args` are more options for locust.
    """

    file: str
    users: int = 10
    spawn_rate: float = 10.0
    duration: float = 30.0
    slower: float = 1.5
    slack: float = 0.010
    more_errors: float = 0.01
    samples: int = 50
    workers: int = 0
    max_duration: float = 300.0
    classes: tuple[tuple[str, int], ...] = ()
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timings:
    """Deadlines and periods of a release, in seconds."""

    ready: float = 120.0
    live: float = 120.0
    drain: float = 30.0
    time_to_live: float = 3600.0


@dataclass(frozen=True, slots=True)
class Trial:
    """How a canary is tried, frozen into the release when it starts: what tests it, and how long each step may take.

    Then the shares of real traffic that it gets, and how stable is given its image.
    """

    suite: Suite | None = None
    load: Load | None = None
    timings: Timings = Timings()
    ramp: Ramp = field(default_factory=Ramp)
    promotion: Promotion = Promotion.ROLLING

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """What the tests are read from: `suite` or `load`, and its path."""
        suite = (("suite", self.suite.path),) if self.suite else ()
        return suite + ((("load", self.load.file),) if self.load else ())
