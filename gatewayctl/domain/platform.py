"""What a platform reports: workloads, gateway replicas, stored route files, leases; in no platform's own terms."""

from dataclasses import dataclass

from gatewayctl.domain.errors import GatewayctlError
from gatewayctl.domain.routing import Files


@dataclass(frozen=True, slots=True)
class Workload:
    """One Deployment as it is now.

    `version` is opaque and changes with every write through the port, not with status. `ready` counts pods that run
    `image` and pass readiness. `pods` names every pod that still exists, including those that are ending; `settled`
    says that the platform has done all that was asked: no pod of another image, no pod too many, all ready.
    `digest` is the digest of the image that runs, if known. `trouble` is why it will certainly not become ready.
    """

    name: str
    image: str
    replicas: int
    ready: int
    version: str
    pods: tuple[str, ...] = ()
    settled: bool = True
    digest: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Replica:
    """One running gateway process. Addresses are `host:port`; `admin` is empty where there is none.

    `identity` is opaque and another one after each start of the process, also under the same name and address. It is
    empty where it is not known.
    """

    name: str
    traffic: str
    admin: str = ""
    ready: bool = True
    note: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class VersionedFiles:
    """Route files as a store holds them; `version` is opaque and changes with every write, even of the same text."""

    files: Files
    version: str


@dataclass(frozen=True, slots=True)
class Probe:
    """One GET to one replica. Headers are pairs, because a name may be sent twice. Seconds."""

    host: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class RuleProof:
    """What a replica's own running configuration says of one rule.

    `asked` is False where the product offers no way to ask; the rest then says nothing. `routes` counts the live routes
    that carry exactly the rule, `mismatched` those of its name with other content (another release's header, a manual
    edit). `detail` says what is wrong.
    """

    asked: bool
    routes: int = 0
    mismatched: int = 0
    detail: str = ""

    @property
    def named(self) -> int:
        """Live routes of the rule's name, whatever their content."""
        return self.routes + self.mismatched


@dataclass(frozen=True, slots=True)
class UpstreamProof:
    """What a replica knows of one upstream.

    `asked` is False where the product offers no way to ask; the rest then says nothing. `known` is whether the replica
    has a definition of the upstream, `endpoints` how many healthy addresses it has for it, `detail` why there are none.
    """

    asked: bool
    known: bool = True
    endpoints: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease, since when (seconds since the epoch), from where."""

    actor: str
    host: str
    pid: int
    since: float

    def __str__(self) -> str:
        return f"{self.actor} on {self.host} (pid {self.pid})"


@dataclass(frozen=True, slots=True)
class Validation:
    """The result of the product's own check. `checked` False means that it could not be asked; `detail` says why."""

    ok: bool
    checked: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One precondition: its name, what was seen, and the error when it does not hold.

    A `hint` without a fault is a warning: what to do about something that stops no release.
    """

    name: str
    detail: str
    fault: GatewayctlError | None = None
    hint: str = ""
