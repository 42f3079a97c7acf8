"""The connections of this process to the gateway: to which replica each goes, and whether a known client uses it.

Libraries that we do not know, and sockets that a test opens itself, are led to a replica too, but nobody adds the
header there. So such a connection is told.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Any

_known_client: ContextVar[bool] = ContextVar("gatewayctl_known_client", default=False)
_OURS = __name__.partition(".")[0]


@contextmanager
def known_client() -> Iterator[None]:
    """Connections that are made inside the block are those of a client that adds the header."""
    token = _known_client.set(True)
    try:
        yield
    finally:
        _known_client.reset(token)


@dataclass(slots=True)
class _Connection:
    url: str
    maker: str
    claimed: bool
    looked_at: bool = False


class Connections:
    """All connections, by this end's address, which no two have at the same time."""

    def __init__(self, tell: Callable[[str], None], is_unmarked: Callable[[], bool]) -> None:
        self._tell = tell
        self._is_unmarked = is_unmarked
        self._left: set[int] = set()
        self._open: dict[tuple[str, int], _Connection] = {}

    def saw(self, sock: Any, url: str) -> None:
        """A socket connects to the replica at `url`."""
        local = sock.getsockname()[:2]
        earlier = self._open.get(local)
        if earlier:
            self._settle(earlier)
        self._open[local] = _Connection(url, _maker(), claimed=_known_client.get() or self._is_unmarked())

    def left(self, host: str, port: int) -> None:
        """A client goes to another port of the public name, where nobody is led; each port is told once."""
        if port not in self._left and not self._is_unmarked():
            self._left.add(port)
            self._tell(f"a connection to {host}:{port}, which is not the gateway's port, by {_maker()}")

    def claim(self, local: Any) -> str:
        """A known client sends a request on a connection; the URL of its replica, empty if that is not known."""
        found = self._open.get(tuple(local[:2])) if local else None
        if found is None:
            return ""
        found.claimed = True
        return found.url

    def settle(self, *, ended: bool) -> None:
        """Tell of connections that nobody has claimed since the last call; of all of them if the suite has ended."""
        for connection in list(self._open.values()):
            if connection.looked_at or ended:
                self._settle(connection)
            connection.looked_at = True

    def _settle(self, connection: _Connection) -> None:
        if not connection.claimed:
            connection.claimed = True
            self._tell(f"a connection to {connection.url} by {connection.maker}")


def _maker() -> str:
    """The module that opens a connection: the nearest one that is neither Python's own nor ours."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        name = module.partition(".")[0]
        if name not in sys.stdlib_module_names and name != _OURS:
            return module
        frame = frame.f_back
    return "a thread of Python"
