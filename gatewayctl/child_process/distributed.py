"""Locust's own distributed mode: every worker keeps a ledger, and the master adds them up.

Locust's master drops what workers report late. So it is made to ask them to end, and to wait until each has sent its
whole ledger, once: counts and buckets add up exactly, or there is no result at all.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from gatewayctl.child_process.load_stats import CANARY, HALF_A, HALF_B, Ledger

_MESSAGE = "gatewayctl"
_LAG = 15.0  # seconds beyond locust's own stop timeout that a worker may take to send its ledger
_LOST = 3  # locust's exit code then; it has none of its own
_TOLD = 40  # explanations that are kept of all workers together

Figures = dict[str, Any]


class Worker:
    """This process's part: its ledger goes to the master, the totals now and then, all of it at the end."""

    def __init__(self, runner: Any, ledger: Ledger) -> None:
        self._runner = runner
        self._ledger = ledger
        self._place = 0
        runner.register_message(_MESSAGE, self._heard)

    def place(self) -> int:
        """This worker's turn among the workers, from 0, when the master hands out users."""
        return self._place

    def _heard(self, msg: Any, **_: Any) -> None:
        self._place = int(msg.data["place"])

    def report(self) -> None:
        """What there is so far."""
        self._runner.send_message(_MESSAGE, {"totals": self._ledger.totals()})

    def finish(self) -> None:
        """Everything; called when the last user has stopped."""
        self._runner.send_message(_MESSAGE, {"figures": self._ledger.figures()})


class Master:
    """Gathers what `workers` workers send; has `totals` and `figures` as a ledger has."""

    def __init__(self, environment: Any, runner: Any, workers: int) -> None:
        self._environment = environment
        self._runner = runner
        self._workers = workers
        self._totals: dict[str, Figures] = {}
        self._ended: dict[str, Figures] = {}
        runner.register_message(_MESSAGE, self._heard)

    def start(self) -> None:
        """Tell every worker its turn, which is that of its id: what locust numbers them by is when they connected."""
        for place, worker in enumerate(sorted(self._runner.clients)):
            self._runner.send_message(_MESSAGE, {"place": place}, client_id=worker)

    def finish(self) -> None:
        """Ask every worker to end, and wait for its ledger."""
        import gevent

        self._runner.send_message("quit")
        deadline = time.monotonic() + (self._environment.stop_timeout or 0) + _LAG
        while len(self._ended) < self._workers and self._lives() and time.monotonic() < deadline:
            gevent.sleep(0.05)
        if len(self._ended) != self._workers:
            self._environment.process_exit_code = _LOST

    def _lives(self) -> bool:
        """Whether a worker that has not sent its ledger may still do so."""
        return any(one.state != "missing" and one.id not in self._ended for one in self._runner.clients.all)

    def totals(self) -> dict[str, list[int]]:
        """Requests and errors of canary and stable so far."""
        return {
            version: [sum(one[version][place] for one in self._totals.values()) for place in (0, 1)]
            for version in ("canary", "stable")
        }

    def figures(self) -> Figures:
        """All ledgers as one; an empty one that says why where one is missing."""
        if len(self._ended) == self._workers:
            return merged(self._ended.values())
        lost = f"{len(self._ended)} of {self._workers} load workers sent what they counted: the others were lost"
        return {**merged(()), "failures": [lost]}

    def _heard(self, msg: Any, **_: Any) -> None:
        """A message of a worker; what makes no sense is none, and then its figures are missing."""
        try:
            if "totals" in msg.data:
                self._totals[msg.node_id] = {
                    version: [int(count) for count in msg.data["totals"][version][:2]]
                    for version in ("canary", "stable")
                }
            else:
                self._ended[msg.node_id] = _checked(msg.data["figures"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return


def merged(ledgers: Iterable[Figures]) -> Figures:
    """Figures of several ledgers as if one had seen all of it."""
    lanes: dict[str, dict[str, list[Any]]] = {CANARY: {}, HALF_A: {}, HALF_B: {}}
    wrong: Counter[str] = Counter(misrouted=0, unknown=0)
    told: dict[str, None] = {}
    for one in ledgers:
        for cohort, entries in one["lanes"].items():
            for name, (requests, errors, buckets) in entries.items():
                total = lanes[cohort].setdefault(name, [0, 0, Counter()])
                total[0] += requests
                total[1] += errors
                total[2].update(buckets)
        wrong.update({kind: one[kind] for kind in ("misrouted", "unknown")})
        told.update(dict.fromkeys(one["failures"]))
    return {"lanes": lanes, **wrong, "failures": list(told)[:_TOLD]}


def _checked(found: Mapping[str, Any]) -> Figures:
    """What a worker sent, reduced to what a ledger holds. Raises KeyError, TypeError, ValueError."""
    return {
        "lanes": {cohort: _entries(found["lanes"][cohort]) for cohort in (CANARY, HALF_A, HALF_B)},
        "misrouted": int(found["misrouted"]),
        "unknown": int(found["unknown"]),
        "failures": [str(text)[:600] for text in found["failures"]],
    }


def _entries(found: Mapping[str, Any]) -> dict[str, tuple[int, int, dict[int, int]]]:
    return {
        str(name): (int(requests), int(errors), {int(bucket): int(count) for bucket, count in buckets.items()})
        for name, (requests, errors, buckets) in found.items()
    }
