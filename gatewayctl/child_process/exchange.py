"""One request to the gateway, and its answer, as a client library sees them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gatewayctl.child_process.tally import Tally
from gatewayctl.domain.evidence import Answer

Local = tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request as it is sent: header names in lower case, and the client's own address of the connection."""

    method: str
    path: str
    headers: Mapping[str, str]
    local: Local = None


class Exchange:
    """Counts the answer to one request, once.

    Where only the body names the version, it waits until the test has read the body, because reading it here would
    change what the test sees. `waiting` has all that wait.
    """

    def __init__(self, text: str, marked: bool, tally: Tally, waiting: "set[Exchange]") -> None:  # noqa: FBT001
        self._text = text
        self._marked = marked
        self._tally = tally
        self._waiting = waiting
        self._answer: Answer | None = None
        self._answered = False

    @property
    def needs_body(self) -> bool:
        """Whether the body of the answer is of use."""
        return self._marked and self._tally.needs_body

    def answered(self, status: int, header: Callable[[str], str | None], *, body_follows: bool = False) -> None:
        """The answer has come; `header` reads one of its headers. With `body_follows`, `finish` will be called."""
        if self._answered:
            return
        self._answered = True
        if not self._marked:
            self._tally.count_baseline()
            return
        self._answer = self._tally.reduce_answer(status, header)
        self._waiting.add(self)
        if not (body_follows and self.needs_body):
            self.finish("")

    def finish(self, body: str) -> None:
        """The body has come, or is not needed; later calls do nothing."""
        try:
            self._waiting.remove(self)
        except KeyError:
            return
        if self._answer is not None:
            self._tally.count_marked(self._text, replace(self._answer, body=body))
