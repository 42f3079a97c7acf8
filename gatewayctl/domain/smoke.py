"""What to run as suite and load, and their results; each answer is attributed to the version that gave it."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gatewayctl.domain.evidence import AttributionRule, Identify, Identity
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.platform import Tls
from gatewayctl.domain.routing import Header
from gatewayctl.domain.trial import Suite


@dataclass(frozen=True, slots=True)
class GatewayEndpoints:
    """How a client reaches the gateway.

    `base_url` is its public URL, as its users have it; where there is no usable public name, it is the first of `urls`,
    which are the replicas' own. `host` is the Host that the gateway's rules expect, `header` marks a request, and
    `attribution` tells who gave an answer. `tls` is needed for https.
    """

    urls: tuple[str, ...]
    host: str
    header: Header
    attribution: AttributionRule
    base_url: str = ""
    tls: Tls | None = None

    def __post_init__(self) -> None:
        if not self.base_url and self.urls:
            object.__setattr__(self, "base_url", self.urls[0])


# A name or an address that a client can connect to, with or without a port; in contrast to `*`, which rules may have.
_USABLE_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9.])?|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)


def public_url(scheme: str, host: str) -> str:
    """The URL of the gateway as its users have it; empty if the host is not a name that a client can use."""
    return f"{scheme}://{host}" if _USABLE_HOST.fullmatch(host) else ""


def _endpoints(raw: Mapping[str, Any]) -> GatewayEndpoints:
    attribution = raw["attribution"] if "attribution" in raw else raw["witness"]
    return GatewayEndpoints(
        urls=tuple(raw["urls"]),
        host=raw["host"],
        header=Header(**raw["header"]),
        attribution=AttributionRule(
            identify=Identify(**attribution["identify"]),
            identity=_identity(attribution["identity"]),
            stamp_header=attribution["stamp_header"],
            stamp=attribution["stamp"],
            stamps=attribution["stamps"],
        ),
        base_url=raw.get("base_url", ""),
        tls=Tls(**raw["tls"]) if raw.get("tls") else None,
    )


def _identity(raw: Mapping[str, Any]) -> Identity:
    return Identity(**{**raw, "others": tuple(raw.get("others", ()))})


# Environment variable with the path of the run context's file; where it is not set, our plugins do nothing.
RUN_CONTEXT_VARIABLE = "GATEWAYCTL_SMOKE_CONTEXT"


@dataclass(frozen=True, slots=True)
class LoadPace:
    """How long a load runs, in seconds: for `duration`, and on until both versions have `samples` requests, up to
    `longest`."""

    duration: float = 0.0
    longest: float = 0.0
    samples: int = 0

    def is_over(self, seconds: float, requests: tuple[int, int], users: int) -> bool:
        """Whether a load ends after so many seconds, with the requests of canary and stable, and with users left."""
        if seconds < self.duration:
            return False
        nobody_left = not users and any(requests)  # at first there are no users either
        return seconds >= self.longest or min(requests) >= self.samples or nobody_left


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a child process has to know, given in a file that only its owner may read.

    It appends its events to `events`, as JSON lines; a load writes its figures to `result`. `users` is how many a load
    will have, `workers` how many processes share them (0: this one has all), `pace` how long it runs. `arguments` are
    the team's for locust, `classes` the user classes that run.
    """

    endpoints: GatewayEndpoints
    events: str
    result: str = ""
    users: int = 0
    workers: int = 0
    pace: LoadPace = LoadPace()
    arguments: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "RunContext":
        """What `to_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        raw = parse_json(text)
        return cls(
            endpoints=_endpoints(raw["endpoints"]),
            events=raw["events"],
            result=raw["result"],
            users=raw["users"],
            workers=raw["workers"],
            pace=LoadPace(**raw.get("pace", {})),
            arguments=tuple(raw.get("arguments", ())),
            classes=tuple(raw.get("classes", ())),
        )


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """One run of the pytest suite of `app`. `folder` takes its JUnit file and output."""

    suite: Suite
    endpoints: GatewayEndpoints
    folder: str
    app: str = ""


@dataclass(frozen=True, slots=True)
class SuiteSettings:
    """What a suite takes from the configuration at the time it runs, and what no journal keeps.

    `variables` are values of smoke.pytest.env. `places` says where a key of smoke.pytest is written: `file:line: key`.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    places: Mapping[str, str] = field(default_factory=dict)

    def place(self, key: str) -> str:
        """Where `key` of smoke.pytest is written, for an error."""
        return self.places.get(key, f"smoke.pytest.{key}")


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """What a suite did. `canary`, `stable`, `unknown` count answers to marked requests; `baseline` counts answers to
    requests that the suite deliberately sent without the mark; `unnamed` are those of `unknown` that the gateway had
    sent to the canary. `flaky` tests passed only when run again.
    `exit_code` is pytest's own, or minus the signal that ended it. `failures` are `test: first line of the reason`, or
    the last line of the output where no test could be run. `finished` is False if pytest ended within its session.
    `collected` counts the tests that pytest chose to run, 0 if it did not say. `unproven` counts passed tests that no
    answer of the canary proves, `excused` those that need none, `unmatched` are entries of smoke.pytest.unproven that
    no test of the run is. `unmarked_connections` are those to the gateway that an unknown client made. Of these,
    `unproven_tests` and `unmarked_examples` are the first."""

    passed: int
    failed: int
    errors: int
    skipped: int
    flaky: tuple[str, ...]
    canary: int
    stable: int
    unknown: int
    baseline: int
    exit_code: int
    seconds: float
    failures: tuple[str, ...] = ()
    odd_answers: tuple[str, ...] = ()
    timed_out: bool = False
    finished: bool = True
    unnamed: int = 0
    collected: int = 0
    unproven: int = 0
    unproven_tests: tuple[str, ...] = ()
    excused: int = 0
    unmatched: tuple[str, ...] = ()
    unmarked_connections: int = 0
    unmarked_examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadRun:
    """One load run. `users` are split in half between the versions; spawn rate is users per second; seconds.

    A load goes on after `duration` until both versions have `samples` requests, up to `max_duration`. `timeout` is what
    locust may take beyond that, to start and to stop. `workers` processes share the users, by locust's own distributed
    mode; 0: one process does it all. `classes` says how many users each class has; empty: as the locustfile says.
    `args` are more options for locust and the locustfile.
    """

    file: str
    endpoints: GatewayEndpoints
    folder: str
    users: int = 10
    spawn_rate: float = 10.0
    duration: float = 30.0
    timeout: float = 60.0
    workers: int = 0
    max_duration: float = 0.0
    samples: int = 0
    classes: tuple[tuple[str, int], ...] = ()
    args: tuple[str, ...] = ()

    @property
    def pace(self) -> LoadPace:
        """When it ends."""
        return LoadPace(self.duration, max(self.duration, self.max_duration), self.samples)

    @property
    def limit(self) -> float:
        """The seconds that it may take in all."""
        return self.pace.longest + self.timeout

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "LoadRun":
        """What `to_json` wrote, now or in 0.1.0 with `entrance` and `witness`: a Pod may run another version.

        Raises ValueError, KeyError or TypeError for anything else.
        """
        raw = parse_json(text)
        endpoints = _endpoints(raw.pop("endpoints") if "endpoints" in raw else raw.pop("entrance"))
        classes = tuple((str(name), int(count)) for name, count in raw.pop("classes", ()))
        args = tuple(str(one) for one in raw.pop("args", ()))
        return cls(**raw, endpoints=endpoints, classes=classes, args=args)
