"""How signals reach the processes that tests start."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def default_signals() -> Iterator[None]:
    """Processes started meanwhile are ended by SIGINT, SIGTERM and SIGHUP, even if the tests themselves ignore them.

    A shell starts what it puts in the background with SIGINT ignored, and every child inherits that. A handler, on the
    other hand, is not inherited: whoever has one here starts children with the default.
    """
    is_main = threading.current_thread() is threading.main_thread()  # no other thread may set a handler
    ignored = [which for which in _ENDING if is_main and signal.getsignal(which) is signal.SIG_IGN]
    for which in ignored:
        signal.signal(which, _leave)
    try:
        yield
    finally:
        for which in ignored:
            signal.signal(which, signal.SIG_IGN)


def _leave(_signum: int, _frame: object) -> None:
    """Ignore it here, as before."""
