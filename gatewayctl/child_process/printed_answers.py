"""Counts answers that a program of another language got: a test hands in what `curl -i` or the like printed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from gatewayctl.child_process.tally import Tally


@dataclass(frozen=True, slots=True)
class _Head:
    """The status of an answer, its headers with names in lower case, and everything behind them."""

    status: int
    headers: dict[str, str]
    rest: str


class PrintedAnswers:
    """A plugin of pytest with the fixture for such tests."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    @pytest.fixture
    def count_answer(self) -> Callable[[str], None]:
        """Counts the answer to a request that another program sent with the header.

        It is called with the answer as `curl -i` prints it: status line, headers, an empty line, body. With
        several heads in a row (100 Continue, redirects) each answer counts. Raises ValueError for any other text.
        """
        return self._count

    def _count(self, printed: str) -> None:
        answers = [head for head in _read_heads(printed) if head.status >= 200]
        if not answers:
            raise ValueError(f"no answer as curl -i prints it, but {printed[:80]!r}")
        for head in answers:
            body = "" if head.rest.startswith("HTTP/") else head.rest
            answer = self._tally.reduce_answer(head.status, head.headers.get, body)
            self._tally.count_marked("an answer that a test handed in", answer)


def _read_heads(printed: str) -> Iterator[_Head]:
    """The heads at the start of a text, as long as one follows the other."""
    rest = printed.replace("\r\n", "\n")
    while rest.startswith("HTTP/"):
        text, _, rest = rest.partition("\n\n")
        first, *lines = text.split("\n")
        status = first.split()[1:2]
        if not status or not status[0].isdecimal():
            return
        pairs = (line.partition(":") for line in lines)
        yield _Head(int(status[0]), {name.strip().lower(): value.strip() for name, _, value in pairs}, rest)
