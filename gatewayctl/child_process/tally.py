"""Counts answers by the version that gave them, in a process where several threads send requests."""

import threading
from collections import Counter
from collections.abc import Callable

from gatewayctl.domain.evidence import Answer, Attribution, AttributionRule

BASELINE = "baseline"
UNNAMED = "unnamed"  # answers of the canary's rule that do not name the canary; also counted as unknown
UNMARKED_CONNECTIONS = "unmarked_connections"
_ODD_KEPT = 5  # explanations of answers that did not come from the canary


def is_sent_to_canary(rule: AttributionRule, answer: Answer) -> bool:
    """Whether the gateway sent a marked request to the canary. Where it cannot stamp, its rule was proven before."""
    return rule.is_stamped(answer) or not rule.stamps


class Tally:
    """The number of answers to marked requests for each attribution, and of answers to other requests."""

    def __init__(self, attribution: AttributionRule) -> None:
        self._rule = attribution
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._odd: list[str] = []

    @property
    def needs_body(self) -> bool:
        """Whether the version that answered is named in the body only."""
        return bool(self._rule.identify.pointer)

    def reduce_answer(self, status: int, header: Callable[[str], str | None], body: str = "") -> Answer:
        """An answer with only the headers that attribution needs; `header` reads one of its headers."""
        names = (self._rule.identify.header.lower(), self._rule.stamp_header)
        headers = {name: header(name) for name in names}
        return Answer(status, {name: value for name, value in headers.items() if value is not None}, body)

    def count_marked(self, request: str, answer: Answer) -> None:
        """Count the answer to a marked request; `request` names it for a person."""
        version = self._rule.attribute(answer)
        with self._lock:
            self._counts[version] += 1
            self._counts[UNNAMED] += version is Attribution.UNKNOWN and is_sent_to_canary(self._rule, answer)
            if version is not Attribution.CANARY and len(self._odd) < _ODD_KEPT:
                self._odd.append(f"{request}: {self._rule.explain(answer)}")

    def count_baseline(self) -> None:
        """Count the answer to a request without the header."""
        with self._lock:
            self._counts[BASELINE] += 1

    def count_unmarked_connection(self, text: str) -> None:
        """Count a connection to the gateway whose requests nobody could mark; `text` names it for a person."""
        with self._lock:
            self._counts[UNMARKED_CONNECTIONS] += 1
            if len(self._odd) < _ODD_KEPT:
                self._odd.append(text)

    def figures(self) -> dict[str, object]:
        """All counts so far, in the form of an event."""
        with self._lock:
            return {**{str(name): count for name, count in self._counts.items()}, "odd": list(self._odd)}
