"""The machine's own time."""

import time


class SystemClock:
    """Real seconds."""

    def now(self) -> float:
        """Monotonic."""
        return time.monotonic()

    def wall(self) -> float:
        """Since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds. Only `waiting` calls it."""
        time.sleep(seconds)
