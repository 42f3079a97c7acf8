"""Sends each request of a user twice, to canary and stable, one right after the other.

Both meet the gateway and the machine in the same state, so what differs is the version. Which one goes first is chosen
anew each time: the second finds warmer caches.
"""

import random
from typing import Any

from gatewayctl.child_process.cohorts import Cohorts


def send_pairs(user: Any, canary: Any, stable: Any, cohorts: Cohorts) -> None:
    """Let the session `canary` send every request on `stable` too. Each keeps its own cookies."""
    marked, plain = cohorts.pair(user)
    stable.request_event = _Renamed(stable.request_event)
    cohorts.take(canary, marked)
    cohorts.take(stable, plain)
    canary.request = _Pair(canary.request, stable.request)


class _Renamed:
    """Shows stable's requests under a name of their own in locust's summary."""

    def __init__(self, event: Any) -> None:
        self._event = event

    def fire(self, **meta: Any) -> None:
        self._event.fire(**{**meta, "name": f"{meta['name']} (stable)"})


class _Pair:
    """Stands where a session has its `request` method."""

    def __init__(self, canary: Any, stable: Any) -> None:
        self._canary = canary
        self._stable = stable

    def __call__(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        caught = options.pop("catch_response", False)
        options["catch_response"] = True  # hold both events back until both answers are there
        if random.random() < 0.5:  # noqa: S311 (not a secret)
            other = self._stable(method, url, *args, **options)
            answer = self._canary(method, url, *args, **options)
        else:
            answer = self._canary(method, url, *args, **options)
            other = self._stable(method, url, *args, **options)
        if options.get("stream"):
            other.release()
        answer._request_event = _Both(answer._request_event, other)
        if not caught:
            with answer:
                pass
        return answer


class _Both:
    """Reports stable's answer together with the canary's.

    The task judges the canary's answer only. What it accepts there (a 404 that it expects) is accepted from stable too.
    """

    def __init__(self, event: Any, other: Any) -> None:
        self._event = event
        self._other = other

    def fire(self, **meta: Any) -> None:
        self._event.fire(**meta)
        with self._other as other:
            if meta["exception"] is None and other.status_code == meta["response"].status_code != 0:
                other.success()
