"""Tells each answer, with the version that gave it and the test that asked, to the process that started the suite.

An answer is one line, written at once: nothing is lost when a forked child ends by `os._exit`, or a process is killed.
"""

from collections.abc import Callable

from gatewayctl.child_process.present_test import find_owner
from gatewayctl.child_process.run_context import EventFile
from gatewayctl.domain.evidence import Answer, Attribution, AttributionRule

BASELINE = "baseline"
UNNAMED = "unnamed"  # answers of the canary's rule that do not name the canary; also counted as unknown
_EXPLAINED = 5  # answers of each process that did not come from the canary, or connections, with an explanation
_LONGEST_TEXT = 500


def is_sent_to_canary(rule: AttributionRule, answer: Answer) -> bool:
    """Whether the gateway sent a marked request to the canary. Where it cannot stamp, its rule was proven before."""
    return rule.is_stamped(answer) or not rule.stamps


class Tally:
    """Reports answers to marked requests, answers to other requests, and connections that nobody marked."""

    def __init__(self, attribution: AttributionRule, events: EventFile) -> None:
        self._rule = attribution
        self._events = events
        self._explained = 0

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
        """Report the answer to a marked request; `request` names it for a person."""
        version = self._rule.attribute_traffic(answer)
        if version is Attribution.CANARY:
            self._report(by=version.value)
            return
        unnamed = version is Attribution.UNKNOWN and is_sent_to_canary(self._rule, answer)
        why = self._explain(f"{request}: {self._rule.explain(answer)}")
        self._report(by=version.value, unnamed=unnamed, why=why)

    def count_baseline(self) -> None:
        """Report the answer to a request without the header."""
        self._report(by=BASELINE)

    def count_unmarked_connection(self, text: str) -> None:
        """Report a connection to the gateway whose requests nobody could mark; `text` names it for a person."""
        self._events.write(kind="unmarked connection", why=self._explain(text))

    def _report(self, **answer: object) -> None:
        owner = find_owner()
        self._events.write(kind="answer", test=owner.test, setup=owner.setup, **answer)

    def _explain(self, text: str) -> str:
        """The text for the first few; later ones only count, so that the file stays small."""
        self._explained += 1
        return text[:_LONGEST_TEXT] if self._explained <= _EXPLAINED else ""
