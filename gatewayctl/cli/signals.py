"""What SIGTERM does while a command works: by default the same as Ctrl-C, because CI runners cancel a job with it."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import NoReturn

from gatewayctl.domain.errors import NeedsPerson


@contextlib.contextmanager
def stop_on_signal() -> Iterator[None]:
    """Let SIGTERM work as Ctrl-C does inside the block.

    The driver answers the first of them by going back. Raises NeedsPerson when a second one stopped that, too.
    """
    try:
        with on_sigterm(raise_interrupt):
            yield
    except KeyboardInterrupt:
        raise NeedsPerson(
            "stopped at once, before the way back was complete", hint="gatewayctl status, then resume or abort"
        ) from None


def raise_interrupt() -> NoReturn:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def on_sigterm(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` at each SIGTERM inside the block, between two instructions of this thread."""
    before = signal.signal(signal.SIGTERM, lambda _signum, _frame: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
