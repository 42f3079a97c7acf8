"""Locust's distributed mode: each worker counts its requests, and the master adds the counts up.

Locust's own master ignores late reports of workers. So our master asks them to end, and waits until each has sent all
its counts, once: either the sums are exact, or there is no result.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from gatewayctl.child_process.load_stats import CANARY, HALF_A, HALF_B, LoadStats
from gatewayctl.domain.load_result import FailureKind

_MESSAGE = "gatewayctl"
_EXTRA_WAIT = 15.0  # seconds beyond locust's stop timeout that a worker may take to send its counts
_WORKER_LOST = 3  # the exit code when a worker was lost; locust has none for it
_NUMBERS = ("misrouted", "unknown", "unnamed", "strays")
_EXPLANATIONS_KEPT = 40  # explanations that are kept of all workers together

Figures = dict[str, Any]


class Worker:
    """The worker's side: sends its totals to the master now and then, and all its counts at the end."""

    def __init__(self, runner: Any, stats: LoadStats) -> None:
        self._runner = runner
        self._stats = stats
        self._position = 0
        runner.register_message(_MESSAGE, self._on_message)

    def position(self) -> int:
        """The position of this worker among all workers, from 0, in the order in which the master gives them users."""
        return self._position

    def _on_message(self, msg: Any, **_: Any) -> None:
        self._position = int(msg.data["place"])

    def report(self) -> None:
        """Send the totals so far."""
        self._runner.send_message(_MESSAGE, {"totals": self._stats.totals()})

    def finish(self) -> None:
        """Send all counts; called when the last user has stopped."""
        self._runner.send_message(_MESSAGE, {"figures": self._stats.figures()})


class Master:
    """The master's side: collects the counts of `workers` workers. Has `totals` and `figures`, as LoadStats has."""

    def __init__(self, environment: Any, runner: Any, workers: int) -> None:
        self._environment = environment
        self._runner = runner
        self._workers = workers
        self._totals: dict[str, Figures] = {}
        self._ended: dict[str, Figures] = {}
        runner.register_message(_MESSAGE, self._on_message)

    def start(self) -> None:
        """Send each worker its position, in the order of ids: locust's own numbers are in the order of connecting."""
        for position, worker in enumerate(sorted(self._runner.clients)):
            self._runner.send_message(_MESSAGE, {"place": position}, client_id=worker)

    def finish(self) -> None:
        """Ask all workers to end, and wait for their counts."""
        import gevent

        self._runner.send_message("quit")
        deadline = time.monotonic() + (self._environment.stop_timeout or 0) + _EXTRA_WAIT
        while len(self._ended) < self._workers and self._may_answer() and time.monotonic() < deadline:
            gevent.sleep(0.05)
        if len(self._ended) != self._workers:
            self._environment.process_exit_code = _WORKER_LOST

    def _may_answer(self) -> bool:
        """Whether a worker that has not sent its counts may still send them."""
        return any(one.state != "missing" and one.id not in self._ended for one in self._runner.clients.all)

    def totals(self) -> dict[str, list[int]]:
        """Requests and errors of canary and stable so far."""
        return {
            version: [sum(totals[version][index] for totals in self._totals.values()) for index in (0, 1)]
            for version in ("canary", "stable")
        }

    def figures(self) -> Figures:
        """The sums of all workers' counts; if one is missing, empty counts with the reason."""
        if len(self._ended) == self._workers:
            return merge_figures(self._ended.values())
        lost = f"{len(self._ended)} of {self._workers} load workers sent what they counted: the others were lost"
        return {**merge_figures(()), "failures": [(FailureKind.RUN.value, lost)]}

    def _on_message(self, msg: Any, **_: Any) -> None:
        """Store a message of a worker. An invalid one is ignored; then the counts of this worker are missing."""
        try:
            if "totals" in msg.data:
                self._totals[msg.node_id] = {
                    version: [int(count) for count in msg.data["totals"][version][:2]]
                    for version in ("canary", "stable")
                }
            else:
                self._ended[msg.node_id] = _parse_figures(msg.data["figures"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return


def merge_figures(all_figures: Iterable[Figures]) -> Figures:
    """Add up the figures of several workers, as if one had counted everything."""
    cohorts: dict[str, dict[str, list[Any]]] = {CANARY: {}, HALF_A: {}, HALF_B: {}}
    events: dict[str, dict[str, list[int]]] = {CANARY: {}, HALF_A: {}, HALF_B: {}}
    numbers: Counter[str] = Counter(dict.fromkeys(_NUMBERS, 0))
    explanations: dict[tuple[str, str], None] = {}
    for one in all_figures:
        for cohort, entries in one["lanes"].items():
            for name, (requests, errors, buckets) in entries.items():
                total = cohorts[cohort].setdefault(name, [0, 0, Counter()])
                total[0] += requests
                total[1] += errors
                total[2].update(buckets)
        for cohort, reported in one["events"].items():
            for name, counts in reported.items():
                earlier = events[cohort].get(name, [0, 0])
                events[cohort][name] = [count + more for count, more in zip(earlier, counts, strict=True)]
        numbers.update({kind: one[kind] for kind in _NUMBERS})
        explanations.update(dict.fromkeys(one["failures"]))
    return {"lanes": cohorts, "events": events, **numbers, "failures": list(explanations)[:_EXPLANATIONS_KEPT]}


def _parse_figures(message: Mapping[str, Any]) -> Figures:
    """The figures in a worker's message, and no other keys. Raises KeyError, TypeError or ValueError."""
    return {
        "lanes": {cohort: _parse_cohort(message["lanes"][cohort]) for cohort in (CANARY, HALF_A, HALF_B)},
        "events": {cohort: _parse_events(message["events"][cohort]) for cohort in (CANARY, HALF_A, HALF_B)},
        **{kind: int(message[kind]) for kind in _NUMBERS},
        "failures": [(FailureKind(kind).value, str(detail)[:500]) for kind, detail in message["failures"]],
    }


def _parse_cohort(requests_by_name: Mapping[str, Any]) -> dict[str, tuple[int, int, dict[int, int]]]:
    return {
        str(name): (int(requests), int(errors), {int(bucket): int(count) for bucket, count in buckets.items()})
        for name, (requests, errors, buckets) in requests_by_name.items()
    }


def _parse_events(counts_by_name: Mapping[str, Any]) -> dict[str, list[int]]:
    return {str(name): [int(requests), int(errors)] for name, (requests, errors) in counts_by_name.items()}
