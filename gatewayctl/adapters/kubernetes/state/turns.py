"""The lines of releases that want to write the route files of the gateways in one namespace: one small Lease.

Each ticket is an annotation of it, which its release adds, changes when its turn comes, and removes, by a merge patch:
the API server applies such patches one after the other, so nobody has to read first. The resourceVersion of the patch
that added a ticket is its number. It grows with every write, so all agree on the order, whatever their clocks say. Who
waits writes nothing: signs of life of fifty releases, all to one object, would mostly conflict. Only the first one
matters, so only the first one is observed: when it did not change for some seconds of our own clock it is passed over.

One object with a fixed name needs rights for that object only. A Lease for each ticket would need rights for all
Leases in the gateway's namespace, and so for those by which its controllers elect a leader.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass, replace
from typing import Protocol

from gatewayctl.adapters.kubernetes.client.api import Api, NotFound, Object, VersionConflict
from gatewayctl.adapters.kubernetes.client.json import texts
from gatewayctl.adapters.kubernetes.client.names import MANAGED_BY, MANAGER, TURNS
from gatewayctl.adapters.kubernetes.client.paths import leases

# Where the gateway is: plain data that every room may be given.
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.turns import TURN
from gatewayctl.ports import Clock
from gatewayctl.waiting import Backoff, pause

_PREFIX = "turn.gatewayctl.dev/"
_LOOK = 0.15  # seconds between two looks of the second one; about a third of what one write takes
_RARELY = 4.0  # seconds between two looks at most
_ATTEMPTS = 8  # of a patch: the API server gives up when too many others patch at once
_FIRST, _LONGEST = 0.05, 0.4  # seconds before the second attempt at most, and before any
_NO_NUMBER = 2**63  # of a ticket whose number is not told yet: it came last


class MarkedRoutes(Protocol):
    """Routes that show, with each write, how many wait: `behind` is what our next write will say of all but us."""

    behind: int

    def waiting(self) -> int:
        """How many waited when the routes were written last. Raises EnvironmentFailed."""


@dataclass(frozen=True, slots=True)
class _Own:
    """Our ticket: its text, when we wrote that, and when the line is to be looked at again (monotonic seconds).

    `joined` is the place that we got when we joined, `place` the one at the last look; 0 before that.
    """

    number: int
    text: str
    said: float
    joined: int = 0
    place: int = 0
    look_at: float = 0.0
    has_turn: bool = False


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A ticket as read."""

    release: str
    text: str
    number: int


class KubernetesTurns:
    """Implements ports.Turns for the gateway at `place`.

    A release that never waits costs no request: the annotation of the routes by which `has_line` knows is read and
    written with the routes. To join costs two requests, to leave one, and to wait one for each look.
    """

    def __init__(self, api: Api, place: GatewayPlace, routes: MarkedRoutes, clock: Clock) -> None:
        self._api, self._namespace, self._routes, self._clock = api, place.namespace, routes, clock
        self._prefix = f"{_PREFIX}{_short_name(place)}."
        self._own: dict[str, _Own] = {}
        self._firsts: dict[_Ticket, float] = {}

    def has_line(self) -> bool:
        """Whether somebody waited when the routes were written last. Raises EnvironmentFailed."""
        return self._routes.waiting() > 0

    def place(self, app: str, release: str) -> int:
        """The place of `release`; the line is looked at less often the further back it is. Raises EnvironmentFailed."""
        own, now = self._own.get(release), self._clock.now()
        if own is None:
            own = self._join(app, release)
        elif now >= own.look_at:
            own = self._look(app, release, own)
        self._own[release] = own
        return own.place

    def leave(self, release: str) -> None:
        """Take the ticket back. Raises EnvironmentFailed."""
        self._routes.behind = 0
        if self._own.pop(release, None):
            self._patch({self._prefix + release: None})

    def _join(self, app: str, release: str) -> _Own:
        """Add a ticket, and tell its number, which only the answer shows."""
        key = self._prefix + release
        found = self._write({key: _ticket_text(app, _NO_NUMBER)})
        try:
            number = int(texts(found, "metadata").get("resourceVersion", ""))
        except ValueError as fault:
            raise EnvironmentFailed("this API server's versions have no order") from fault
        text, said = _ticket_text(app, number), self._clock.now()
        return self._stand(release, _Own(number, text, said), self._write({key: text}))

    def _look(self, app: str, release: str, own: _Own) -> _Own:
        """See who is in line now; a ticket that was passed over, or did not use its turn, goes to the end."""
        if own.has_turn and self._clock.now() - own.said >= TURN:
            return self._join(app, release)
        found = self._get()
        if self._prefix + release not in texts(found, "metadata", "annotations"):
            return self._join(app, release)
        return self._stand(release, own, found)

    def _stand(self, release: str, own: _Own, found: Object) -> _Own:
        """Our ticket in the line that was found. Who becomes the first says so, and removes whom it passes over."""
        now, key = self._clock.now(), self._prefix + release
        others = [one for one in self._tickets(found) if one.release != release]
        before = sorted((one for one in others if one.number < own.number), key=lambda one: one.number)
        passed = self._pass_over(before, now)
        place = 1 + len(before) - passed
        has_turn = place == 1
        if has_turn and not own.has_turn:
            own = replace(own, text=_ticket_text(parse_json(own.text)["app"], own.number), said=now)
            self._patch({key: own.text, **{self._prefix + one.release: None for one in before}})
        self._routes.behind = len(others) - passed
        joined = own.joined or place
        wait = _pause(place, joined - place, now - own.said)
        return replace(own, joined=joined, place=place, look_at=now + wait, has_turn=has_turn)

    def _pass_over(self, before: list[_Ticket], now: float) -> int:
        """How many of those before us are passed over; the time of each begins when we first see it as the first."""
        for passed, one in enumerate(before):
            since = self._firsts.setdefault(one, now)
            if now - since < TURN:
                return passed
        return len(before)

    def _tickets(self, found: Object) -> tuple[_Ticket, ...]:
        """The tickets of our gateway."""
        notes = texts(found, "metadata", "annotations")
        return tuple(
            _Ticket(key.removeprefix(self._prefix), text, _number_in(text))
            for key, text in notes.items()
            if key.startswith(self._prefix)
        )

    def _get(self) -> Object:
        try:
            return self._api.get(leases(self._namespace, TURNS))
        except NotFound:
            return {}

    def _write(self, notes: dict[str, str]) -> Object:
        """Set annotations of the Lease, and make it where there is none. Raises ApiFault."""
        try:
            return self._patch({**notes})
        except NotFound:
            metadata = {"name": TURNS, "namespace": self._namespace, "labels": {MANAGED_BY: MANAGER}}
            body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {}}
            try:
                return self._api.create(
                    leases(self._namespace), {**body, "metadata": {**metadata, "annotations": notes}}
                )
            except VersionConflict:
                return self._patch({**notes})

    def _patch(self, notes: dict[str, str | None]) -> Object:
        backoff = Backoff(secrets.token_hex(4), _FIRST, _LONGEST)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._api.merge(leases(self._namespace, TURNS), {"metadata": {"annotations": notes}})
            except VersionConflict:
                if attempt == _ATTEMPTS:
                    raise
                pause(backoff.pause(attempt), self._clock)
        raise AssertionError("the last attempt returns or raises")


def _pause(place: int, gained: int, elapsed: float) -> float:
    """Seconds until the next look: half of the time until we are the second one, if the line goes on as it has.

    So far we came forward by `gained` places in `elapsed` seconds.

    Fifty that looked as often as the second one has to would keep the machine busier than those who write.
    """
    expected = (place - 2) * elapsed / gained if gained > 0 else 2 * _LOOK * (place - 1)
    return min(_RARELY, max(_LOOK, expected / 2))


def _short_name(place: GatewayPlace) -> str:
    """What stands for the gateway in the names of its tickets: releases that write the same routes share a line."""
    routes = ",".join(place.routes.names) if place.routes else place.config_map
    return hashlib.sha256(routes.encode()).hexdigest()[:8]


def _ticket_text(app: str, number: int) -> str:
    """A ticket as others read it; `beat` makes each one a new text."""
    return json.dumps({"app": app, "number": number, "beat": secrets.token_hex(4)})


def _number_in(text: str) -> int:
    """The number of a ticket as read; what is no ticket of ours stands last."""
    try:
        return int(parse_json(text)["number"])
    except (ValueError, KeyError, TypeError):
        return _NO_NUMBER
