"""The counts and times of a load run, for each cohort and request name.

A load sends thousands of requests a second, and counting must not slow them down. So one request costs a few look-ups:
its time is stored first and sorted into its bucket later, many at once, and an answer with the same headers as an
earlier one is not examined again. Locust's own statistics round the times, so they cannot be used.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gatewayctl.child_process.tally import UNNAMED, is_sent_to_canary
from gatewayctl.domain.evidence import Answer, Attribution, AttributionRule
from gatewayctl.domain.load_result import FailureKind
from gatewayctl.domain.statistics import bucket_of

CANARY, HALF_A, HALF_B = "canary", "half-a", "half-b"
_NAMES_KEPT = 100  # a locustfile with an id in each request name would fill the memory
_OTHER, _TASKS = ("ANY", "(other)"), ("TASK", "(failed)")
_IDENTITIES_KEPT = 1000
_EXPLANATIONS_KEPT = 5  # explanations of each kind


class RequestStats:
    """The requests with one method and name: their number, how many failed, and the times of the others."""

    __slots__ = ("buckets", "errors", "requests", "waiting")

    def __init__(self) -> None:
        self.requests = self.errors = 0
        self.waiting: list[float] = []  # milliseconds
        self.buckets: dict[int, int] = {}

    def sort_times(self) -> None:
        """Sort the waiting times into their buckets."""
        waiting, self.waiting = self.waiting, []
        for milliseconds in waiting:
            bucket = bucket_of(milliseconds / 1000)
            self.buckets[bucket] = self.buckets.get(bucket, 0) + 1


class CohortStats:
    """The requests of one cohort, which the version `expected` should answer."""

    def __init__(self, expected: Attribution, stats: "LoadStats") -> None:
        self.expected = expected
        self.entries: dict[tuple[str, str], RequestStats] = {}  # by method and name
        self.events: dict[tuple[str, str], RequestStats] = {}  # what users reported themselves, by type and name
        self._stats = stats
        self._known_good: set[tuple[Any, Any]] = set()  # the two headers of answers that were as expected
        self._identity_header, self._stamp_header = stats.header_names

    def record(self, meta: dict[str, Any]) -> None:
        """Count one request; `meta` are the arguments of locust's request event, without a time if it is not known."""
        key = meta["request_type"], meta["name"]
        entry = self.entries.get(key) or _entry(self.entries, key)
        entry.requests += 1
        response = meta["response"]
        # A request without an answer has failed, also if the task accepts it; and no version has answered it.
        answered = response is not None and response.status_code
        if answered and meta["exception"] is None:
            if meta["response_time"] is not None:
                entry.waiting.append(meta["response_time"])
        else:
            entry.errors += 1
            reason = meta["exception"] or "no answer"
            self._stats.keep_explanation(FailureKind(self.expected), f"{_display_name(key)}: {reason}")
        if answered:
            headers = response.headers
            # geventhttpclient's headers are a dict with lower-case names; dict.get is faster than its own method.
            look = dict.get if isinstance(headers, dict) else type(headers).get
            identity = look(headers, self._identity_header), look(headers, self._stamp_header)
            try:
                known = identity in self._known_good
            except TypeError:  # a header that was sent twice is a list
                known = False
            if not known:
                self._attribute(identity, meta)

    def _attribute(self, identity: tuple[Any, Any], meta: dict[str, Any]) -> None:
        if self._stats.attribute(meta, self.expected) is not self.expected or self._stats.reads_body:
            return
        hashable = not any(isinstance(value, list) for value in identity)
        if identity[0] and hashable and len(self._known_good) < _IDENTITIES_KEPT:
            self._known_good.add(identity)

    def task_failed(self, error: BaseException) -> None:
        """An exception in a task: it counts as an error of the version that answered its requests."""
        entry = _entry(self.entries, _TASKS)
        entry.requests += 1
        entry.errors += 1
        self._stats.keep_explanation(FailureKind(self.expected), f"task failed: {error!r}")

    def record_event(self, meta: dict[str, Any]) -> None:
        """Count a request that a user reported itself; `meta` are the arguments of locust's request event."""
        key = str(meta.get("request_type", "")), str(meta.get("name", ""))
        entry = _entry(self.events, key)
        entry.requests += 1
        if meta.get("exception"):
            entry.errors += 1
            self._stats.keep_explanation(FailureKind(self.expected), f"{_display_name(key)}: {meta['exception']}")


def _entry(entries: dict[tuple[str, str], RequestStats], key: tuple[str, str]) -> RequestStats:
    known = key in entries or len(entries) < _NAMES_KEPT
    return entries.setdefault(key if known else _OTHER, RequestStats())


class LoadStats:
    """The counts of all cohorts of a run, and of answers by the wrong version."""

    def __init__(self, attribution: AttributionRule) -> None:
        self.header_names = (attribution.identify.header.lower(), attribution.stamp_header)
        self.reads_body = bool(attribution.identify.pointer)
        self.cohorts = {
            CANARY: CohortStats(Attribution.CANARY, self),
            HALF_A: CohortStats(Attribution.STABLE, self),
            HALF_B: CohortStats(Attribution.STABLE, self),
        }
        self._rule = attribution
        self._wrong = {FailureKind.MISROUTED.value: 0, FailureKind.UNKNOWN.value: 0, UNNAMED: 0}
        self._strays = 0  # failures that were reported outside of users
        self._explanations: dict[FailureKind, list[str]] = {}

    def cycle(self, cohorts: Iterable[str]) -> Callable[[], CohortStats]:
        """A function that returns the counts of these cohorts in turn, without end."""
        return itertools.cycle([self.cohorts[cohort] for cohort in cohorts]).__next__

    def attribute(self, meta: dict[str, Any], expected: Attribution) -> Attribution:
        """The version that gave an answer. If it is not `expected`, this is counted and explained."""
        answer = self._answer(meta["response"])
        version = self._rule.attribute_traffic(answer)
        if version is not expected:
            kind = FailureKind.UNKNOWN if version is Attribution.UNKNOWN else FailureKind.MISROUTED
            self._wrong[kind.value] += 1
            if kind is FailureKind.UNKNOWN and expected is Attribution.CANARY:
                self._wrong[UNNAMED] += is_sent_to_canary(self._rule, answer)
            request = f"{meta['request_type']} {meta['url']} meant for {expected}"
            self.keep_explanation(kind, f"{request}: {self._rule.explain(answer)}")
        return version

    def count_stray(self, meta: dict[str, Any]) -> None:
        """Count a failure that was reported outside of users, so that it belongs to no cohort."""
        self._strays += 1
        self.keep_explanation(FailureKind.RUN, f"{meta.get('request_type')} {meta.get('name')}: {meta['exception']}")

    def keep_explanation(self, kind: FailureKind, text: str) -> None:
        """Keep the explanation `text`; of each `kind` only the first few are kept."""
        texts = self._explanations.setdefault(kind, [])
        if len(texts) < _EXPLANATIONS_KEPT and text not in texts:
            texts.append(text[:500])

    def totals(self) -> dict[str, list[int]]:
        """Requests and errors of canary and stable so far."""
        sums = {"canary": [0, 0], "stable": [0, 0]}
        for cohort in self.cohorts.values():
            total = sums[cohort.expected]
            for entry in self._sort_all_times(cohort).values():
                total[0] += entry.requests
                total[1] += entry.errors
        return sums

    def figures(self) -> dict[str, Any]:
        """All counts and explanations, ready for JSON. `lanes`: the cohorts; `failures`: pairs of kind and detail."""
        cohorts = {
            name: {
                _display_name(key): [one.requests, one.errors, one.buckets]
                for key, one in self._sort_all_times(cohort).items()
            }
            for name, cohort in self.cohorts.items()
        }
        events = {
            name: {_display_name(key): [one.requests, one.errors] for key, one in cohort.events.items()}
            for name, cohort in self.cohorts.items()
        }
        explanations = [(kind.value, text) for kind, texts in self._explanations.items() for text in texts]
        return {
            "lanes": cohorts,
            "events": events,
            "strays": self._strays,
            **self._wrong,
            "failures": explanations,
        }

    @staticmethod
    def _sort_all_times(cohort: CohortStats) -> dict[tuple[str, str], RequestStats]:
        for entry in cohort.entries.values():
            entry.sort_times()
        return cohort.entries

    def _answer(self, response: Any) -> Answer:
        headers = {
            name: ", ".join(value) if isinstance(value, list) else value
            for name, value in self._read_headers(response)
            if value is not None
        }
        return Answer(response.status_code, headers, _body(response) if self.reads_body else "")

    def _read_headers(self, response: Any) -> Iterator[tuple[str, Any]]:
        return ((name, response.headers.get(name)) for name in self.header_names)


def _display_name(key: tuple[str, str]) -> str:
    return f"{key[0]} {key[1]}"


def _body(response: Any) -> str:
    """The body, if it was read already. A stream is left to the task, so its answer cannot be attributed."""
    for kept in ("_cached_content", "_content"):  # of geventhttpclient, of requests
        content = getattr(response, kept, None)
        if isinstance(content, bytes):
            return content.decode(errors="replace")
    return ""
