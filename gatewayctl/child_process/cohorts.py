"""Splits locust's users between canary and stable, whatever HTTP user class their locustfile uses.

Every HTTP session that is made takes a seat: it sends marked requests or plain ones, to one replica, and its events go
through the ledger before locust sees them. Half of the seats are the canary's, a quarter each the halves of stable.
"""

import copy
import functools
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gatewayctl.child_process.load_stats import CANARY, HALF_A, HALF_B, Lane, Ledger
from gatewayctl.domain.smoke import RunContext

# User classes start at different places of it, or classes with one user each would all be the canary's.
_CYCLE = (CANARY, HALF_A, CANARY, HALF_B)


@dataclass(frozen=True, slots=True)
class Seat:
    """What one user's requests are: which lanes they count in, whether they carry the mark, which replica they ask."""

    turn: Callable[[], Lane]
    marked: bool
    url: str


class Cohorts:
    """Gives every session its seat, and users that make several sessions one seat for all of them."""

    def __init__(self, run_context: RunContext, ledger: Ledger) -> None:
        self._endpoints = run_context.endpoints
        self._ledger = ledger
        # With fewer users than places in the cycle one half would stay empty: then they share by request.
        self._few = run_context.users // max(1, run_context.workers) < len(_CYCLE)
        self._first: Callable[[], int] = lambda: 0
        self._ours = tuple(url.rstrip("/") + end for url in run_context.endpoints.urls for end in ("/", "?"))
        self._classes: dict[type, int] = {}
        self._seated: Counter[type] = Counter()
        self._replicas: Counter[str] = Counter()
        self._seats: weakref.WeakKeyDictionary[Any, Seat] = weakref.WeakKeyDictionary()

    def begin_at(self, first: Callable[[], int]) -> None:
        """Start at another place: workers with few users each would all begin with the canary, at one replica."""
        self._first = first

    def install(self) -> None:
        """From now on every session that locust makes is seated."""
        from locust.clients import HttpSession
        from locust.contrib.fasthttp import FastHttpSession

        for session_class in (HttpSession, FastHttpSession):
            self._follow(session_class)

    def _follow(self, session_class: Any) -> None:
        build = session_class.__init__

        @functools.wraps(build)
        def build_and_seat(session: Any, *args: Any, **options: Any) -> None:
            build(session, *args, **options)
            # A user that sends pairs seats its sessions itself.
            if not getattr(session.user, "sends_pairs", False):
                self.take(session, self.seat_of(session.user))

        session_class.__init__ = build_and_seat

    def seat_of(self, user: Any) -> Seat:
        """The seat of a user; a session without one has a seat of its own."""
        if user is None:
            return self._next(type(None))
        if user not in self._seats:
            self._seats[user] = self._next(type(user))
        return self._seats[user]

    def pair(self, user: Any) -> tuple[Seat, Seat]:
        """Two seats at one replica for a user that asks both versions: canary, stable."""
        url = self._replica("pairs")
        seats = (
            Seat(self._ledger.turn([CANARY]), marked=True, url=url),
            Seat(self._ledger.turn([HALF_A, HALF_B]), marked=False, url=url),
        )
        self._seats[user] = seats[0]
        return seats

    def task_failed(self, user_instance: Any, exception: BaseException, **_: Any) -> None:
        """Listens to locust: a task raised. What locust calls the user is most often a task set of the user's."""
        for user in (user_instance, getattr(user_instance, "user", None)):
            if user in self._seats:
                self._seats[user].turn().task_failed(exception)
                return

    def _next(self, user_class: type) -> Seat:
        start = self._classes.setdefault(user_class, len(self._classes))
        cohort = _CYCLE[(self._first() + start + self._seated[user_class]) % len(_CYCLE)]
        self._seated[user_class] += 1
        shared = (HALF_A, HALF_B) if self._few and cohort != CANARY else (cohort,)
        return Seat(self._ledger.turn(shared), marked=cohort == CANARY, url=self._replica(cohort))

    def _replica(self, cohort: str) -> str:
        """The cohorts go round the replicas apart from each other: all meet all of them. Half b starts one later."""
        urls = self._endpoints.urls
        turn = self._first() + self._replicas[cohort] + (cohort == HALF_B)
        self._replicas[cohort] += 1
        return urls[turn % len(urls)]

    def take(self, session: Any, seat: Seat) -> None:
        """Seat a session of either kind."""
        base, first = session.base_url or "", self._endpoints.urls[0]
        if base.startswith(first):
            session.base_url = seat.url + base.removeprefix(first)
        session.request_event = Tap(session.request_event, seat.turn, self._ours)
        header, host = self._endpoints.header, self._endpoints.host
        added = {**({"Host": host} if host else {}), **({header.name: header.value} if seat.marked else {})}
        if hasattr(session, "prepare_request"):
            _add_to_requests(session, added, self._ours)
        else:
            _add_to_fast(session, added, self._ours)


class Tap:
    """Stands where a session expects locust's request event: counts, and passes on."""

    __slots__ = ("_event", "_ours", "_turn")

    def __init__(self, event: Any, turn: Callable[[], Lane], ours: tuple[str, ...]) -> None:
        self._event = event
        self._turn = turn
        self._ours = ours

    def fire(self, **meta: Any) -> None:
        """One request is over."""
        if meta["url"].startswith(self._ours):
            self._turn().record(meta)
        self._event.fire(**meta)


def _add_to_requests(session: Any, added: dict[str, str], ours: tuple[str, ...]) -> None:
    prepare = session.prepare_request

    def prepare_and_add(request: Any) -> Any:
        prepared = prepare(request)
        if prepared.url.startswith(ours):
            for name, value in added.items():
                prepared.headers.setdefault(name, value)
        return prepared

    session.prepare_request = prepare_and_add


def _add_to_fast(session: Any, added: dict[str, str], ours: tuple[str, ...]) -> None:
    # As defaults the headers cost nothing per request. Other addresses are asked by a copy that shares the
    # connections and the cookies, and has the defaults as they were.
    agent = session.client
    plain, urlopen = copy.copy(agent), agent.urlopen
    agent.default_headers = agent.default_headers.copy()
    agent.default_headers.update(added)

    def choose_and_open(url: str, **options: Any) -> Any:
        if url.startswith(ours):
            return urlopen(url, **options)
        plain.redirect_response_codes = agent.redirect_response_codes
        return plain.urlopen(url, **options)

    agent.urlopen = choose_and_open
