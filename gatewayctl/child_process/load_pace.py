"""Ends a load: not before its duration, and not before both versions have enough requests, up to a limit.

On a busy machine a load of the usual duration may send too few requests to judge a canary by. It then goes on, instead
of ending without a result.
"""

import time
from collections.abc import Callable
from typing import Any

from gatewayctl.domain.smoke import LoadPace

_PERIOD = 0.2  # seconds between two looks


def end_in_time(
    runner: Any, pace: LoadPace, requests: Callable[[], tuple[int, int]], report: Callable[[], None]
) -> None:
    """Wait until the load may end, and end it, in a greenlet. `requests` counts those of canary and stable."""
    import gevent

    started = time.monotonic()
    while not pace.is_over(time.monotonic() - started, requests(), runner.user_count):
        gevent.sleep(_PERIOD)
    report()
    runner.quit()
