"""Counts answers by who gave them, in a process where several threads may ask."""

import threading
from collections import Counter
from collections.abc import Callable

from gatewayctl.domain.evidence import Answer, Attribution, AttributionRule

BASELINE = "baseline"
_ODD_KEPT = 5  # explanations of answers that are not the canary's


class Tally:
    """Answers to marked requests per attribution, and answers to requests without the mark."""

    def __init__(self, attribution: AttributionRule) -> None:
        self._witness = attribution
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._odd: list[str] = []

    @property
    def needs_body(self) -> bool:
        """Whether an answer says who gave it in its body only."""
        return bool(self._witness.identify.pointer)

    def answer(self, status: int, header: Callable[[str], str | None], body: str = "") -> Answer:
        """An answer reduced to what the witness looks at; `header` reads one of its headers."""
        names = (self._witness.identify.header.lower(), self._witness.stamp_header)
        found = {name: header(name) for name in names}
        return Answer(status, {name: value for name, value in found.items() if value is not None}, body)

    def marked(self, what: str, answer: Answer) -> None:
        """Count the answer to a marked request; `what` names the request for a person."""
        who = self._witness.attribute(answer)
        with self._lock:
            self._counts[who] += 1
            if who is not Attribution.CANARY and len(self._odd) < _ODD_KEPT:
                self._odd.append(f"{what}: {self._witness.explain(answer)}")

    def baseline(self) -> None:
        """Count the answer to a request without the mark."""
        with self._lock:
            self._counts[BASELINE] += 1

    def figures(self) -> dict[str, object]:
        """All counts so far, for an event."""
        with self._lock:
            return {**{str(name): count for name, count in self._counts.items()}, "odd": list(self._odd)}
