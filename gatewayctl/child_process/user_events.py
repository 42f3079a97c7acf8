"""Counts requests that users report themselves, by `events.request.fire`: of a WebSocket, gRPC or any other client.

Nobody knows which version answered them, so they are counted apart from HTTP requests. But the user that reported one
is known: the others of its requests go to one version. So a canary that fails such requests is still found.
"""

from collections.abc import Callable
from typing import Any

from gatewayctl.child_process.load_stats import CohortStats, LoadStats


class UserEvents:
    """Counts each event in the cohort of its user, which `cohort_of` gives."""

    def __init__(self, stats: LoadStats, cohort_of: Callable[[Any], CohortStats]) -> None:
        self._stats = stats
        self._cohort_of = cohort_of
        self._hook: Any = None
        self._uncounted: Any = None

    def install(self, hook: Any) -> None:
        """From now on, count what is fired by `hook`, locust's request event."""
        self._hook, fire = hook, hook.fire

        def count_and_fire(**meta: Any) -> None:
            self._count(meta)
            fire(**meta)

        self._uncounted = _PlainEvent(fire)
        hook.fire = count_and_fire

    def uncounted(self, event: Any) -> Any:
        """The event for a session whose requests are counted as HTTP already."""
        return self._uncounted if event is self._hook else event

    def _count(self, meta: dict[str, Any]) -> None:
        user = find_user()
        if user is not None:
            self._cohort_of(user).record_event(meta)
        elif meta.get("exception"):
            self._stats.count_stray(meta)


class _PlainEvent:
    def __init__(self, fire: Callable[..., None]) -> None:
        self.fire = fire


def find_user() -> Any:
    """The user of locust that runs this code, also in greenlets and threads that it started; None outside of users."""
    import gevent
    from locust import User

    greenlet: Any = gevent.getcurrent()
    while greenlet is not None:
        first = next(iter(getattr(greenlet, "args", None) or ()), None)  # where locust itself looks for the user
        if isinstance(first, User):
            return first
        parent = getattr(greenlet, "spawning_greenlet", None)
        greenlet = parent() if parent else None
    return None
