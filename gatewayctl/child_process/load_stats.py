"""What a load run saw, per cohort and request name: kept while thousands of requests a second pass by.

The load generator's own work must stay what it was. So a request costs a few look-ups here: its time is put aside and
sorted into its bucket later, many at once, and an answer whose words were right before is right again. Locust's own
statistics would not do, because they round the times.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gatewayctl.domain.evidence import Answer, Attribution, AttributionRule
from gatewayctl.domain.statistics import bucket_of

CANARY, HALF_A, HALF_B = "canary", "half-a", "half-b"
_NAMES_KEPT = 100  # a locustfile that names requests by id would fill the memory
_OTHER, _TASKS = ("ANY", "(other)"), ("TASK", "(failed)")
_WORDS_KEPT = 1000
_TOLD = 5  # explanations of each kind


class Entry:
    """The requests of one method and name: how many, how many failed, and how long the others took."""

    __slots__ = ("buckets", "errors", "requests", "waiting")

    def __init__(self) -> None:
        self.requests = self.errors = 0
        self.waiting: list[float] = []  # milliseconds
        self.buckets: dict[int, int] = {}

    def settle(self) -> None:
        """Sort what waits into its buckets."""
        waiting, self.waiting = self.waiting, []
        for milliseconds in waiting:
            bucket = bucket_of(milliseconds / 1000)
            self.buckets[bucket] = self.buckets.get(bucket, 0) + 1


class Lane:
    """One cohort's requests, which `expected` should answer."""

    def __init__(self, expected: Attribution, ledger: "Ledger") -> None:
        self.expected = expected
        self.entries: dict[tuple[str, str], Entry] = {}  # by method and name
        self._ledger = ledger
        self._right: set[tuple[Any, Any]] = set()  # words of answers that were as expected
        self._word, self._stamp = ledger.names

    def record(self, meta: dict[str, Any]) -> None:
        """One request as locust's event tells it."""
        key = meta["request_type"], meta["name"]
        entry = self.entries.get(key) or self._entry(key)
        entry.requests += 1
        response = meta["response"]
        # Without an answer nothing succeeded, whatever the task thinks; nobody can be credited or blamed either.
        answered = response is not None and response.status_code
        if answered and meta["exception"] is None:
            entry.waiting.append(meta["response_time"])
        else:
            entry.errors += 1
            why = meta["exception"] or "no answer"
            self._ledger.tell(self.expected, f"{_named(key)}: {why}")
        if answered:
            headers = response.headers
            # geventhttpclient's headers are a dict by lower-case name; its own Python is not needed to compare.
            look = dict.get if isinstance(headers, dict) else type(headers).get
            words = look(headers, self._word), look(headers, self._stamp)
            try:
                right = words in self._right
            except TypeError:  # sent twice, and so a list
                right = False
            if not right:
                self._look_closer(words, meta)

    def _look_closer(self, words: tuple[Any, Any], meta: dict[str, Any]) -> None:
        if self._ledger.credit(meta, self.expected) is not self.expected or self._ledger.reads_body:
            return
        if words[0] and len(self._right) < _WORDS_KEPT and not any(isinstance(word, list) for word in words):
            self._right.add(words)

    def task_failed(self, error: BaseException) -> None:
        """A task could not make use of the answers it got: that is a failure of who gave them."""
        entry = self._entry(_TASKS)
        entry.requests += 1
        entry.errors += 1
        self._ledger.tell(self.expected, f"task failed: {error!r}")

    def _entry(self, key: tuple[str, str]) -> Entry:
        known = key in self.entries or len(self.entries) < _NAMES_KEPT
        return self.entries.setdefault(key if known else _OTHER, Entry())


class Ledger:
    """The lanes of a run, and what is odd about its answers."""

    def __init__(self, attribution: AttributionRule) -> None:
        self.names = (attribution.identify.header.lower(), attribution.stamp_header)
        self.reads_body = bool(attribution.identify.pointer)
        self.lanes = {
            CANARY: Lane(Attribution.CANARY, self),
            HALF_A: Lane(Attribution.STABLE, self),
            HALF_B: Lane(Attribution.STABLE, self),
        }
        self._witness = attribution
        self._wrong = {"misrouted": 0, "unknown": 0}
        self._told: dict[str, list[str]] = {}

    def turn(self, cohorts: Iterable[str]) -> Callable[[], Lane]:
        """Hands out the lanes of these cohorts one after the other, for ever."""
        return itertools.cycle([self.lanes[cohort] for cohort in cohorts]).__next__

    def credit(self, meta: dict[str, Any], expected: Attribution) -> Attribution:
        """Who gave an answer; counts and explains it where that is not who should have."""
        answer = self._answer(meta["response"])
        who = self._witness.attribute(answer)
        if who is not expected:
            kind = "unknown" if who is Attribution.UNKNOWN else "misrouted"
            self._wrong[kind] += 1
            told = f"{meta['request_type']} {meta['url']} meant for {expected}"
            self.tell(kind, f"{told}: {self._witness.explain(answer)}")
        return who

    def tell(self, about: str, text: str) -> None:
        """Keep a few explanations of each kind."""
        texts = self._told.setdefault(about, [])
        if len(texts) < _TOLD and text not in texts:
            texts.append(text[:500])

    def totals(self) -> dict[str, list[int]]:
        """Requests and errors of canary and stable so far."""
        sums = {"canary": [0, 0], "stable": [0, 0]}
        for lane in self.lanes.values():
            total = sums[lane.expected]
            for entry in self._settled(lane).values():
                total[0] += entry.requests
                total[1] += entry.errors
        return sums

    def figures(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        lanes = {
            cohort: {_named(key): [one.requests, one.errors, one.buckets] for key, one in self._settled(lane).items()}
            for cohort, lane in self.lanes.items()
        }
        told = [f"{kind}: {text}" for kind, texts in self._told.items() for text in texts]
        return {"lanes": lanes, **self._wrong, "failures": told}

    @staticmethod
    def _settled(lane: Lane) -> dict[tuple[str, str], Entry]:
        for entry in lane.entries.values():
            entry.settle()
        return lane.entries

    def _answer(self, response: Any) -> Answer:
        headers = {
            name: ", ".join(value) if isinstance(value, list) else value
            for name, value in self._found(response)
            if value is not None
        }
        return Answer(response.status_code, headers, _body(response) if self.reads_body else "")

    def _found(self, response: Any) -> Iterator[tuple[str, Any]]:
        return ((name, response.headers.get(name)) for name in self.names)


def _named(key: tuple[str, str]) -> str:
    return f"{key[0]} {key[1]}"


def _body(response: Any) -> str:
    """What was read of the body already: a stream belongs to the task, so its answer names nobody."""
    for kept in ("_cached_content", "_content"):  # of geventhttpclient, of requests
        content = getattr(response, kept, None)
        if isinstance(content, bytes):
            return content.decode(errors="replace")
    return ""
