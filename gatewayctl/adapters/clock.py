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
        """Called by the one function that waits."""
        time.sleep(seconds)
