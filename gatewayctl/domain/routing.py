"""Route rules in the product's own words: source files, canary rules, and what an edit of them is."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.evidence import Attribution, LeakCase

STAMP_HEADER = "x-gatewayctl-release"

_OWN_NAME = re.compile(r"gatewayctl-[a-z0-9-]{1,253}?-canary")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Words that some gateway reads as syntax where a header value is expected (nginx map keywords).
_RESERVED_VALUES = frozenset({"default", "hostnames", "include", "volatile"})


# A URI without anything that a gateway's files would resolve or split.
CANARY_URI = r"[A-Za-z][A-Za-z0-9+.-]*(:[A-Za-z]+)?://[A-Za-z0-9._:\[\]/-]+"


@dataclass(frozen=True, slots=True)
class Header:
    """The one header that marks a request as the canary's; portable across every gateway we know.

    Raises UsageFault for what some gateway would read differently: only `[a-z0-9-]` in name and value.
    """

    name: str
    value: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageFault(
                f"header name {self.name!r} does not work on every gateway",
                hint="use lower-case letters, digits and hyphens, for example x-canary",
            )
        if not _NAME.fullmatch(self.value) or self.value in _RESERVED_VALUES:
            raise UsageFault(
                f"header value {self.value!r} cannot be matched exactly by every gateway",
                hint="use lower-case letters, digits and hyphens, for example always or qa-42",
            )

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a gateway's configuration, as text; `name` is how errors and diffs call it."""

    name: str
    text: str


Files = tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True)
class CanaryRule:
    """Requests for `service` that carry `header` go to `canary`, and their answers are stamped.

    `service` and `canary` are upstream names as the gateway's files spell them. `canary_host` is the address of the
    canary's Service where a definition of it has to be written; empty means: derive it from stable's by convention.
    `canary_uri` takes the place of both where a gateway looks names up in a registry, and is written as it is given.
    With `fallback` stable answers in place of a canary that cannot be reached.

    Of the requests for `service` without the header, `share` percent go to `canary`, too, and are stamped alike; 0:
    none.
    """

    app: str
    service: str
    canary: str
    header: Header
    stamp: str
    canary_host: str = ""
    fallback: bool = False
    canary_uri: str = ""
    share: int = 0

    @property
    def name(self) -> str:
        """The name that marks what is ours, in the file and in the running gateway."""
        return rule_name(self.app)

    @property
    def share_name(self) -> str:
        """The same for what takes a share of the unmarked requests."""
        return share_name(self.app)


def standing_stamp(app: str) -> str:
    """What a rule that belongs to no release writes on the canary's answers."""
    return f"standing-{app}"


def rule_name(app: str) -> str:
    """Owner mark of an application's canary rule."""
    return f"gatewayctl-{app}-canary"


def share_name(app: str) -> str:
    """Owner mark of what sends a share of an application's unmarked requests to its canary."""
    return f"{rule_name(app)}-share"


@dataclass(frozen=True, slots=True)
class Example:
    """A GET request without the canary's header that a route takes, or the reason `why_not` why none is known.

    `hosts` are names as the gateway's files spell them, `*.` and `.*` included; none: every host. `path` may end with a
    query. `taken` is a regular expression that finds the paths which the route takes; empty where nobody knows.
    """

    hosts: tuple[str, ...] = ()
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    why_not: str = ""
    taken: str = ""


@dataclass(frozen=True, slots=True)
class RouteView:
    """One route as a person would describe it. `line` counts from 1 in `file`; `header` is set on canary rules.

    `share` is the percentage of the unmarked requests that a route of ours takes; 0 on every other route.

    `examples` has one request for each of its matches; they follow from the rest, and are no part of a comparison.
    `looked_up` is whether the gateway looks its target up in a registry.
    """

    file: str
    line: int
    place: str
    match: str
    target: str
    name: str = ""
    header: str = ""
    share: int = 0
    examples: tuple[Example, ...] = field(default=(), compare=False)
    looked_up: bool = field(default=False, compare=False)


def own_routes(routes: Iterable[RouteView], app: str) -> tuple[RouteView, ...]:
    """Those of `routes` that are the canary rule of `app`."""
    return tuple(route for route in routes if route.name == rule_name(app))


def share_routes(routes: Iterable[RouteView], app: str) -> tuple[RouteView, ...]:
    """Those of `routes` that send a share of the unmarked requests of `app` to its canary."""
    return tuple(route for route in routes if route.name == share_name(app))


def is_own(route: RouteView) -> bool:
    """Whether a route is the canary rule of any application."""
    return _OWN_NAME.match(route.name) is not None


def mark_of(rules: Iterable[RouteView], otherwise: Header) -> Header:
    """The header that the first of these canary rules asks for; `otherwise` where it cannot be read as one."""
    for rule in rules:
        name, _, value = rule.header.partition(": ")
        try:
            return Header(name.lower(), value)
        except UsageFault:
            continue
    return otherwise


def adds_rule(before: Files, after: Files) -> bool:
    """Whether an edit does more than take canary rules away, which are known by their names."""
    return before != after and _count_own_names(after) >= _count_own_names(before)


def _count_own_names(files: Files) -> int:
    return sum(len(_OWN_NAME.findall(file.text)) for file in files)


@dataclass(frozen=True, slots=True)
class Change:
    """An edit, in the order that never names something that is not there yet.

    Each stage holds the files it changes, whole; a later stage builds on the earlier ones. No stages: nothing to do.
    """

    stages: tuple[Files, ...]
    covered: tuple[RouteView, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def between(
        cls, before: Files, *after: Files, covered: tuple[RouteView, ...] = (), notes: tuple[str, ...] = ()
    ) -> "Change":
        """The edit that leads from `before` through each of `after` to the last of them, in one stage for each.

        All of them have the same files in the same order; what changes nothing makes no stage.
        """
        stages = []
        for step in after:
            changed = tuple(new for old, new in zip(before, step, strict=True) if old != new)
            stages += [changed] if changed else []
            before = step
        return cls(tuple(stages), covered, notes)

    def apply(self, files: Files) -> Files:
        """`files` after every stage."""
        texts = {file.name: file for file in files}
        for stage in self.stages:
            texts.update({file.name: file for file in stage})
        return tuple(texts[file.name] for file in files)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a dialect can do, and how its gateway is known to answer each leak case.

    `stamp`: a rule marks the canary's answers; without, only the application's own word says who answered.

    `answers` lists, per case, every attribution that is right; a case it does not name must be answered by stable.
    `by_address`: a name in the rule could keep the gateway from starting, so a release writes the canary's IP address.
    `fallback`: a rule can send marked requests to stable when the canary cannot be reached.
    `by_uri`: a rule can name the canary by a URI of its own, such as `lb://orders-canary`.
    `shares`: a rule can send a share of the unmarked requests to the canary.
    """

    stamp: bool = True
    by_address: bool = False
    fallback: bool = False
    by_uri: bool = False
    shares: bool = False
    answers: Mapping[LeakCase, frozenset[Attribution]] = field(default_factory=dict)

    def permit(self, rule: CanaryRule) -> None:
        """Raise UsageFault when a rule asks for what the gateway cannot do."""
        if rule.fallback and not self.fallback:
            raise UsageFault(
                f"this gateway cannot fall back to stable when the canary of {rule.app} is gone",
                hint="leave fallback out: marked requests then get the gateway's own 5xx",
            )
        if rule.share and not self.shares:
            raise UsageFault(
                f"this gateway cannot send a share of the requests for {rule.app} to its canary",
                hint="leave the ramp out: the canary then gets marked requests only",
            )
        if rule.canary_uri:
            self._permit_uri(rule)

    def _permit_uri(self, rule: CanaryRule) -> None:
        """Raise UsageFault when the canary's URI of a rule cannot be written."""
        if not self.by_uri:
            raise UsageFault(
                f"this gateway knows the canary of {rule.app} by its address only: it has no use for "
                f"the URI {rule.canary_uri}",
                hint="leave the URI out, and give the address if it cannot be derived from stable's",
            )
        if rule.canary_host:
            raise UsageFault(
                f"the canary of {rule.app} has both an address ({rule.canary_host}) and a URI ({rule.canary_uri})",
                hint="leave one of them out",
            )
        if not re.fullmatch(CANARY_URI, rule.canary_uri):
            raise UsageFault(f"{rule.canary_uri!r} is no URI of a canary", hint="for example lb://orders-canary")

    def allowed(self, case: LeakCase) -> frozenset[Attribution]:
        """The attributions that are not a leak for this case."""
        return self.answers.get(case, frozenset({Attribution.STABLE}))
