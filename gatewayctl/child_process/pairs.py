"""Sends each request of a user twice, to canary and stable, one right after the other.

The gateway and the machine are in the same state for both, so a difference comes from the version. The order is random,
because the second request finds warmer caches.
"""

import random
from typing import Any

from gatewayctl.child_process.cohorts import Cohorts


def send_pairs(user: Any, canary: Any, stable: Any, cohorts: Cohorts) -> None:
    """Make the session `canary` send each request through `stable` too. Each session keeps its own cookies."""
    marked, plain = cohorts.assign_pair(user)
    stable.request_event = _StableEvent(cohorts.uncounted(stable.request_event))
    cohorts.assign(canary, marked)
    cohorts.assign(stable, plain)
    canary.request = _PairedRequest(canary.request, stable.request)


class _StableEvent:
    """Gives stable's requests another name in locust's summary."""

    def __init__(self, event: Any) -> None:
        self._event = event

    def fire(self, **meta: Any) -> None:
        self._event.fire(**{**meta, "name": f"{meta['name']} (stable)"})


class _PairedRequest:
    """Replaces the `request` method of a session."""

    def __init__(self, canary: Any, stable: Any) -> None:
        self._canary = canary
        self._stable = stable

    def __call__(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        caught = options.pop("catch_response", False)
        options["catch_response"] = True  # fire both events only when both answers have come
        if random.random() < 0.5:  # noqa: S311 (not a secret)
            other = self._stable(method, url, *args, **options)
            answer = self._canary(method, url, *args, **options)
        else:
            answer = self._canary(method, url, *args, **options)
            other = self._stable(method, url, *args, **options)
        if options.get("stream"):
            other.release()
        answer._request_event = _PairedEvent(answer._request_event, other)
        if not caught:
            with answer:
                pass
        return answer


class _PairedEvent:
    """Fires stable's event together with the canary's.

    The task judges only the canary's answer. A status that it accepts (an expected 404) is accepted from stable too.
    """

    def __init__(self, event: Any, other: Any) -> None:
        self._event = event
        self._other = other

    def fire(self, **meta: Any) -> None:
        self._event.fire(**meta)
        with self._other as other:
            if meta["exception"] is None and other.status_code == meta["response"].status_code != 0:
                other.success()
