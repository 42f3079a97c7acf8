"""Divides locust's users between canary and stable, for every HTTP user class of locust.

Each new HTTP session gets an assignment: it sends requests with the header or without, to one replica, and its requests
are counted before locust's own listeners get them. Half of the assignments are to the canary, a quarter to each half of
stable.
"""

import functools
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

from gatewayctl.child_process.load_stats import CANARY, HALF_A, HALF_B, CohortStats, LoadStats
from gatewayctl.child_process.locust_sessions import Assignment, GatewaySessions
from gatewayctl.child_process.user_events import UserEvents
from gatewayctl.domain.smoke import RunContext

# Each user class starts at another position; else classes with one user each would all be assigned to the canary.
_CYCLE = (CANARY, HALF_A, CANARY, HALF_B)


class Cohorts:
    """Gives each session its assignment; all sessions of one user get the same."""

    def __init__(self, run_context: RunContext, stats: LoadStats) -> None:
        self._endpoints = run_context.endpoints
        self._stats = stats
        # With fewer users than positions in the cycle a half of stable would have none: then they alternate by request.
        self._few_users = run_context.users // max(1, run_context.workers) < len(_CYCLE)
        self._offset: Callable[[], int] = lambda: 0
        self._sessions = GatewaySessions(run_context.endpoints)
        self._classes: dict[type, int] = {}
        self._assigned: Counter[type] = Counter()
        self._replicas: Counter[str] = Counter()
        self._assignments: weakref.WeakKeyDictionary[Any, Assignment] = weakref.WeakKeyDictionary()
        self._events = UserEvents(stats, self._cohort_of_events)
        self._paired_events = stats.cycle(_CYCLE)

    def start_at(self, offset: Callable[[], int]) -> None:
        """Start the cycle at an offset, else workers with few users would all send to the canary at one replica."""
        self._offset = offset

    def install(self) -> None:
        """From now on each new session of locust gets an assignment."""
        from locust import events
        from locust.clients import HttpSession
        from locust.contrib.fasthttp import FastHttpSession

        self._patch(HttpSession)
        self._patch(FastHttpSession)
        self._events.install(events.request)

    def _patch(self, session_class: Any) -> None:
        init = session_class.__init__

        @functools.wraps(init)
        def init_and_assign(session: Any, *args: Any, **options: Any) -> None:
            init(session, *args, **options)
            # A user that sends pairs assigns its sessions itself.
            if not getattr(session.user, "sends_pairs", False):
                self.assign(session, self.assignment_of(session.user))

        session_class.__init__ = init_and_assign

    def assignment_of(self, user: Any) -> Assignment:
        """The assignment of a user; a session without a user gets its own."""
        if user is None:
            return self._next(type(None))
        if user not in self._assignments:
            self._assignments[user] = self._next(type(user))
        return self._assignments[user]

    def assign_pair(self, user: Any) -> tuple[Assignment, Assignment]:
        """Two assignments at one replica for a user that sends each request twice: canary, stable."""
        url = self._replica("pairs")
        pair = (
            Assignment(self._stats.cycle([CANARY]), marked=True, url=url),
            Assignment(self._stats.cycle([HALF_A, HALF_B]), marked=False, url=url),
        )
        self._assignments[user] = pair[0]
        return pair

    def task_failed(self, user_instance: Any, exception: BaseException, **_: Any) -> None:
        """Listener of locust for an exception in a task. `user_instance` may also be a task set of the user."""
        user = getattr(user_instance, "user", user_instance)
        self.assignment_of(user).next_stats().task_failed(exception)

    def _cohort_of_events(self, user: Any) -> CohortStats:
        """Where to count what a user reports itself. One that sends pairs belongs to both versions."""
        return self._paired_events() if getattr(user, "sends_pairs", False) else self.assignment_of(user).next_stats()

    def uncounted(self, event: Any) -> Any:
        """Locust's request event for a session that is given an assignment: its requests are counted as HTTP."""
        return self._events.uncounted(event)

    def _next(self, user_class: type) -> Assignment:
        start = self._classes.setdefault(user_class, len(self._classes))
        cohort = _CYCLE[(self._offset() + start + self._assigned[user_class]) % len(_CYCLE)]
        self._assigned[user_class] += 1
        counted_in = (HALF_A, HALF_B) if self._few_users and cohort != CANARY else (cohort,)
        return Assignment(self._stats.cycle(counted_in), marked=cohort == CANARY, url=self._replica(cohort))

    def _replica(self, cohort: str) -> str:
        """The replica for the next user of a cohort. Each cohort takes them in turn, so that it reaches all of them."""
        urls = self._endpoints.urls
        number = self._offset() + self._replicas[cohort] + (cohort == HALF_B)
        self._replicas[cohort] += 1
        return urls[number % len(urls)]

    def assign(self, session: Any, assignment: Assignment) -> None:
        """Make a session send as `assignment` says; for both kinds of sessions of locust."""
        event = self.uncounted(session.request_event)
        session.request_event = EventTap(event, assignment.next_stats, self._sessions.answered_part)
        self._sessions.assign(session, assignment)


class EventTap:
    """Replaces a session's request event of locust: counts the request, then fires the event."""

    __slots__ = ("_answered_part", "_event", "_next_stats")

    def __init__(
        self,
        event: Any,
        next_stats: Callable[[], CohortStats],
        answered_part: Callable[[dict[str, Any]], dict[str, Any] | None],
    ) -> None:
        self._event = event
        self._next_stats = next_stats
        self._answered_part = answered_part

    def fire(self, **meta: Any) -> None:
        """Locust calls this when a request is over."""
        counted = self._answered_part(meta)
        if counted:
            self._next_stats().record(counted)
        self._event.fire(**meta)
