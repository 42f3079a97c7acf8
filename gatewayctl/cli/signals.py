"""What signals do while a command works: Ctrl-C, SIGTERM (a cancelled CI job) and SIGHUP (a closed terminal).

By default the release goes back. The first signal says so at once, whatever the command is doing, also in a pipe.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from gatewayctl.domain.errors import NeedsPerson

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GOING_BACK = "interrupted: going back to how everything was; once more stops at once\n"


@contextlib.contextmanager
def stop_on_signal() -> Iterator[None]:
    """Let SIGTERM and SIGHUP work as Ctrl-C does inside the block.

    The driver answers the first of them by going back. Raises NeedsPerson when a second one stopped that, too.
    """
    try:
        with _on_signals(_STOPPING, _Interrupts().receive):
            yield
    except KeyboardInterrupt:
        raise NeedsPerson(
            "stopped at once, before the way back was complete", hint="gatewayctl status, then resume or abort"
        ) from None


class _Interrupts:
    """Counts signals; each but a repeated SIGHUP interrupts the command."""

    def __init__(self) -> None:
        self._count = 0

    def receive(self, signum: int) -> None:
        """Interrupt the command. A closed terminal sends SIGHUP twice: the shell forwards what the kernel sends."""
        if self._count and signum == signal.SIGHUP:
            return
        self._count += 1
        if self._count == 1:
            say_at_once(_GOING_BACK)
        raise_interrupt()


def say_at_once(text: str) -> None:
    """Write to stderr past its buffer, which the interrupted code may be using; a reader that is gone is no fault."""
    with contextlib.suppress(OSError):
        os.write(2, text.encode())


def raise_interrupt() -> NoReturn:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


def end_on_signals() -> None:
    """From now on SIGTERM and SIGHUP end the process as an exit does: what has to be put in order is."""
    _set_handlers((signal.SIGTERM, signal.SIGHUP), lambda signum: sys.exit(128 + signum))


@contextlib.contextmanager
def on_sigterm(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` at each SIGTERM and SIGHUP inside the block, between two instructions of this thread."""
    with _on_signals((signal.SIGTERM, signal.SIGHUP), lambda _signum: act()):
        yield


@contextlib.contextmanager
def _on_signals(signals: tuple[signal.Signals, ...], act: Callable[[int], object]) -> Iterator[None]:
    before = _set_handlers(signals, act)
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def _set_handlers(signals: tuple[signal.Signals, ...], act: Callable[[int], object]) -> "dict[signal.Signals, Any]":
    """The handlers of before. A SIGHUP that is ignored stays so: nohup asks for that."""
    wanted = [which for which in signals if which != signal.SIGHUP or signal.getsignal(which) is not signal.SIG_IGN]
    return {which: signal.signal(which, lambda signum, _frame: act(signum)) for which in wanted}
