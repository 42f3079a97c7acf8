"""The clock of this machine, behind the port `Clock`."""

import time


class SystemClock:
    """Real time, in seconds."""

    def now(self) -> float:
        """Seconds on a clock that never goes back; only differences mean anything."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds. Only waiting.py calls this."""
        time.sleep(seconds)
