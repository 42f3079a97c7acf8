"""Virtual time, and what happens next: one heap of times and functions. One process runs at a time.

A process is a greenlet: it runs until it waits, and nothing else runs meanwhile. The process with the shorter
wait comes first, so the latencies that are drawn from the seed *are* the schedule.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf

from greenlet import getcurrent, greenlet

from tests.fakes.world import World

_MAX_MOMENTS = 200_000  # moments after which a schedule is taken to never come to rest


class Loop:
    """Moments in order. `world.time` is the only clock there is, in seconds; `watch` is called after each of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self._number = 0
        self._until = 0.0
        self._hub: greenlet = getcurrent()
        self.watch: Callable[[], None] = lambda: None
        self.halted = False

    def at(self, when: float, act: Callable[[], object]) -> None:
        """Call `act` at that time; what is due at once comes in the order of asking."""
        self._number += 1
        heappush(self._heap, (when, self._number, act))

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        """Call `act` that much later."""
        self.at(self._world.time + seconds, act)

    def wait(self, seconds: float) -> None:
        """Let others act for this long. Where nobody would, the clock just goes on."""
        wake = self._world.time + seconds
        if wake <= self._until and (not self._heap or self._heap[0][0] > wake):
            self._world.time = wake
            return
        self.at(wake, getcurrent().switch)
        self._hub.switch()

    def run(self, until: float) -> None:
        """Run everything that is due up to `until` (seconds), or until nothing is left."""
        self._hub, self._until = getcurrent(), until
        for _ in range(_MAX_MOMENTS):
            if self.halted:
                return
            if not self._heap or self._heap[0][0] > until:
                self._world.time = max(self._world.time, until) if until < inf else self._world.time
                return
            when, _, act = heappop(self._heap)
            self._world.time = max(self._world.time, when)
            act()
            self.watch()
        raise AssertionError(f"{_MAX_MOMENTS} moments, and it does not come to rest")
