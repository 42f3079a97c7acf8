"""What a platform reports: workloads, gateway replicas, stored route files, leases; in no platform's own terms."""

from dataclasses import dataclass, replace
from enum import StrEnum

from gatewayctl.domain.errors import GatewayctlError
from gatewayctl.domain.routing import Files


class TroubleKind(StrEnum):
    """Whether a trouble may end by itself.

    FINAL cannot. RETRIED: something failed, and the platform tries it again (a pull, a start). PASSING waits for
    something outside that may come at any time: a node with room, a quota, a webhook that answers.
    """

    FINAL = "final"
    RETRIED = "retried"
    PASSING = "passing"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a workload from becoming ready, in a sentence that names the object.

    `command` ends it where the whole platform is not running; then nothing else about the platform is worth a look.
    """

    text: str
    kind: TroubleKind
    command: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Workload:
    """One Deployment as it is now: facts. What follows from them is decided in domain/rollout.py.

    `version` is opaque and changes with every write through the port, not with status. `ready` counts Pods that run
    `image` and pass readiness; `updated` those that were made from the present spec, `available` those that were ready
    for `min_ready` seconds, `others` those of earlier specs. None of these counts terminating Pods. `observed` says
    that the counts are about the present spec.

    `pods` names every Pod that still exists; `ending` of them are terminating. `ghosts` are not among them: Pods that
    terminate for longer than they may, which only happens where their node does not answer. No Service sends to them,
    and nobody knows when they end. `digest` is the digest of the image that runs, if known. `requested` is the image
    that our last write asked for, if the platform stored another one in its place (an admission webhook does that);
    else it is empty.
    """

    name: str
    image: str
    replicas: int
    ready: int
    version: str
    pods: tuple[str, ...] = ()
    ending: int = 0
    ghosts: tuple[str, ...] = ()
    updated: int = 0
    available: int = 0
    others: int = 0
    observed: bool = True
    min_ready: float = 0.0
    digest: str = ""
    trouble: Trouble | None = None
    requested: str = ""

    @property
    def settled(self) -> bool:
        """Whether all that was asked is done: nothing of an earlier spec is left, and all Pods are available."""
        return self.complete and not self.ending

    @property
    def complete(self) -> bool:
        """As Kubernetes itself has it: the same, but Pods that are terminating do not count."""
        counts = {self.updated, self.ready, self.available, len(self.pods) - self.ending}
        return self.observed and not self.others and counts == {self.replicas}

    def runs(self, image: str) -> bool:
        """Whether `image` is what this workload was given, even if a webhook pinned or renamed it since."""
        return is_same_image(self.image, image) or self.requested == image


def is_same_image(one: str, other: str) -> bool:
    """Whether two references mean one image: `name:tag@digest` is `name:tag`, as a webhook pins it."""
    (name, _, digest), (other_name, _, other_digest) = one.partition("@"), other.partition("@")
    return name == other_name and (digest == other_digest or not digest or not other_digest)


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
class Tls:
    """How a client speaks TLS to the gateway: paths of PEM files, never their content.

    An empty `ca` means the authorities that the system trusts. `certificate` and `key` are the client's own, both or
    none: a gateway may ask for them.
    """

    ca: str = ""
    certificate: str = ""
    key: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """The paths that are given."""
        return tuple(filter(None, (self.ca, self.certificate, self.key)))


@dataclass(frozen=True, slots=True)
class Probe:
    """One GET to one replica. Headers are pairs, because a name may be sent twice. Seconds.

    With `tls` it is sent over TLS, and the certificate must be for `server_name`.
    """

    host: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float = 5.0
    tls: Tls | None = None

    def with_headers(self, *more: tuple[str, str]) -> "Probe":
        """The same request with more headers behind its own."""
        return replace(self, headers=(*self.headers, *more))

    @property
    def server_name(self) -> str:
        """The host without its port: what TLS asks for, and what the certificate is verified against."""
        if self.host.startswith("["):
            return self.host[1:].partition("]")[0]
        name, _, port = self.host.rpartition(":")
        return name if name and ":" not in name and port.isdecimal() else self.host

    @property
    def scheme(self) -> str:
        """`https` with TLS, else `http`."""
        return "https" if self.tls else "http"

    @property
    def url(self) -> str:
        """The request as people write it."""
        return f"{self.scheme}://{self.host}{self.path}"


@dataclass(frozen=True, slots=True)
class RuleProof:
    """What a replica's own running configuration says of one rule.

    `asked` is False where the product offers no way to ask; the rest then says nothing. `routes` counts the live routes
    that carry exactly the rule, `mismatched` those of its name with other content (another release's header, a manual
    edit). `shares` counts the live routes that send exactly the rule's share of the unmarked requests to the canary;
    one with another share, or where the rule has none, is mismatched. `detail` says what is wrong.
    """

    asked: bool
    routes: int = 0
    shares: int = 0
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

    A `hint` without a fault is a warning: what to do about something that stops no release. `notes` are what people
    should know about an edit that the check tried.
    """

    name: str
    detail: str
    fault: GatewayctlError | None = None
    hint: str = ""
    notes: tuple[str, ...] = ()
