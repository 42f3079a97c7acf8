"""A release: one attempt to give an application a new image. It holds all that must survive a crash, and no more."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gatewayctl.domain.bounds import NOTES_KEPT, shorten
from gatewayctl.domain.evidence import AttributionRule, Identify, Identity
from gatewayctl.domain.place import GatewayLocation
from gatewayctl.domain.platform import Probe, Tls
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule, Header, standing_stamp
from gatewayctl.domain.trial import Trial


class Phase(StrEnum):
    """The phase of a release. It is left only after a check that its effect is done. phases.py describes each."""

    WARM = "warm"
    ROUTE = "route"
    PROVE = "prove"
    LEAKS = "leaks"
    SMOKE = "smoke"
    LOAD = "load"
    SHIFT = "shift"
    SHARE = "share"
    OBSERVE = "observe"
    PAUSED = "paused"
    WAIT = "wait"
    CONFIRM = "confirm"
    CARRY = "carry"
    PROMOTE = "promote"
    RETURN = "return"
    RESTORE = "restore"
    UNROUTE = "unroute"
    CLEAR = "clear"
    DRAIN = "drain"
    COOL = "cool"
    DONE = "done"


class Outcome(StrEnum):
    """How a release ends. It is decided before the way out begins.

    REJECTED blames the canary. INCONCLUSIVE: the suite or the load could not tell whether it is good. CONFLICT:
    somebody else changed what the release works on. FAILED: gatewayctl could not do its work.
    """

    OPEN = "open"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"
    CONFLICT = "conflict"
    ABORTED = "aborted"
    FAILED = "failed"


class Mode(StrEnum):
    """Who continues a release: it goes on by itself, a person promotes it, or a pipeline starts every stage."""

    ON_SUCCESS = "on-success"
    MANUAL = "manual"
    STAGED = "staged"


@dataclass(frozen=True, slots=True)
class Target:
    """One application behind a gateway, frozen into the release when it starts.

    `stable` and `canary` name Deployments, `service` and `canary_service` upstreams as the gateway's files spell them.
    With `fallback` stable answers in place of a canary that cannot be reached. `paths` are further paths of the
    application, for routes of which no example request is known. `canary_uri` is the canary's name in a registry
    as a URI, such as `lb://orders-canary`; empty where the gateway sends to its Service. `tls` is how its clients speak
    TLS to the gateway; None: they do not.
    """

    app: str
    stable: str
    canary: str
    service: str
    canary_service: str
    identify: Identify
    host: str
    path: str
    canary_host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    fallback: bool = False
    paths: tuple[str, ...] = ()
    canary_uri: str = ""
    tls: Tls | None = None

    @property
    def probe(self) -> Probe:
        """The request that the application's own path answers, without any mark."""
        return Probe(self.host, self.path, self.headers, tls=self.tls)


@dataclass(frozen=True, slots=True)
class Note:
    """The result of one step: mark ✓ ✗ ? –, a line for a person, when (epoch seconds), how long (seconds), by whom."""

    phase: Phase
    mark: str
    text: str
    at: float
    seconds: float
    actor: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shorten(self.text))
        object.__setattr__(self, "actor", shorten(self.actor))


@dataclass(frozen=True, slots=True)
class Release:
    """A release as journaled. `before` and `canary_before` are the images found at the start.

    `stuck` says why the way out did not complete; a resume or an abort tries it again. `tested` says that every test
    passed. `neighbours` are the other applications of the gateway. `rule_was_there` says that a standing rule existed
    before this release; then a release that is not promoted leaves it. `stamps` says that
    the gateway can mark the canary's answers. `place` is where its gateway is, `container` the container whose image it
    changes (empty: the one named like the application); both are None in records of earlier versions.
    `promote_begun` says that a process may have given stable the new image, even where stable does not show it (yet).
    `build` is the digest of the canary's image, as it was when the canary started; empty if it is not known.
    `share` is the percentage of unmarked requests that may reach the canary. `step` is the place of the ramp's step
    that it is in or comes to next, counted from 0; `step_began` is when its observation began (epoch seconds).
    `ramped` says that every step has passed.
    Of the notes NOTES_KEPT are kept; `notes_left_out` counts the others.
    """

    id: str
    target: Target
    header: Header
    image: str
    before: str
    canary_before: str
    mode: Mode
    created: float
    expires: float
    actor: str
    standing: bool = False
    rule_was_there: bool = False
    trial: Trial = field(default_factory=Trial)
    neighbours: tuple[Target, ...] = ()
    phase: Phase = Phase.WARM
    outcome: Outcome = Outcome.OPEN
    reason: str = ""
    stuck: str = ""
    tested: bool = False
    notes: tuple[Note, ...] = ()
    stamps: bool = True
    place: GatewayLocation | None = None
    container: str | None = None
    promote_begun: bool = False
    notes_left_out: int = 0
    build: str = ""
    share: int = 0
    step: int = 0
    step_began: float = 0.0
    ramped: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", shorten(self.reason))
        object.__setattr__(self, "stuck", shorten(self.stuck))

    @property
    def app(self) -> str:
        """The application's name."""
        return self.target.app

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.phase is Phase.DONE

    @property
    def stamp(self) -> str:
        """The value of the header by which the gateway marks the canary's answers."""
        return standing_stamp(self.app) if self.standing else self.id

    @property
    def rule(self) -> CanaryRule:
        """The canary rule of this release. Once its outcome is decided, no unmarked request goes to the canary."""
        target = self.target
        return CanaryRule(
            app=target.app,
            service=target.service,
            canary=target.canary_service,
            header=self.header,
            stamp=self.stamp,
            canary_host=target.canary_host,
            fallback=target.fallback,
            canary_uri=target.canary_uri,
            share=self.share if self.outcome is Outcome.OPEN else 0,
        )

    @property
    def marked_probe(self) -> Probe:
        """A request as QA sends it."""
        return self.target.probe.with_headers((self.header.name, self.header.value))

    @property
    def keeps_rule(self) -> bool:
        """Whether the rule stays after the release: a standing one that existed before, or that was promoted."""
        return self.standing and (self.rule_was_there or self.outcome is Outcome.PROMOTED)

    @property
    def attribution(self) -> AttributionRule:
        """How answers are attributed during this release.

        Once it is promoted both run the same version, so an application that names its version does not tell them
        apart. The stamp does: without it, an answer of that version is stable's.
        """
        target, versions = self.target, (version_of(self.before), version_of(self.image))
        if self.outcome is Outcome.PROMOTED and self.stamps:
            versions = (version_of(self.image), "")
        others = tuple(name for near in self.neighbours for name in (near.stable, near.canary))
        identity = Identity(target.stable, target.canary, *versions, others)
        return AttributionRule(target.identify, identity, STAMP_HEADER, self.stamp, self.stamps)

    def at(self, phase: Phase, **changes: object) -> "Release":
        """The same release in another phase."""
        return replace(self, phase=phase, **changes)  # type: ignore[arg-type]

    def with_note(self, note: Note) -> "Release":
        """The same release with one more note; when there are too many, one that is repeated later is left out."""
        notes = (*self.notes, note)
        if len(notes) <= NOTES_KEPT:
            return replace(self, notes=notes)
        out = _least_needed(notes)
        return replace(self, notes=notes[:out] + notes[out + 1 :], notes_left_out=self.notes_left_out + 1)

    def has_expired(self, now: float) -> bool:
        """Whether it is too late to promote it: what was proven is too old. `now` is in epoch seconds."""
        return self.outcome is Outcome.OPEN and now > self.expires


@dataclass(frozen=True, slots=True)
class Record:
    """A release with the version of the journal entry that holds it."""

    release: Release
    version: int


def _least_needed(notes: tuple[Note, ...]) -> int:
    """The place of the oldest note that a later one repeats: word for word, else in phase and mark, else the first."""
    keys: tuple[Callable[[Note], object], ...] = (
        lambda one: (one.phase, one.mark, one.text),
        lambda one: (one.phase, one.mark),
    )
    for key in keys:
        last = {key(one): place for place, one in enumerate(notes)}
        repeated = next((place for place, one in enumerate(notes) if last[key(one)] != place), None)
        if repeated is not None:
            return repeated
    return 0


def version_of(image: str) -> str:
    """The tag of an image reference, which an application may use as its version; empty when it has none."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]


def repository_of(image: str) -> str:
    """An image reference without its tag and digest: where the image comes from."""
    name = image.partition("@")[0]
    version = version_of(image)
    return name.removesuffix(f":{version}") if version else name
