"""Many processes that write one file at once, on a virtual clock: one runs at a time, in the same order every time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from threading import Event, Lock, Thread

from gatewayctl.domain.errors import StaleWrite
from gatewayctl.orchestration.context import StepContext


@dataclass
class SharedTime:
    """ports.Clock of processes that are threads: whoever sleeps lets the one run whose sleep ends first."""

    time: float = 0.0
    _due: list[tuple[float, int, Event]] = field(default_factory=list)
    _number: int = 0
    _lock: Lock = field(default_factory=Lock)

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return 1_700_000_000.0 + self.time

    def sleep(self, seconds: float) -> None:
        mine = self._at(self.time + seconds)
        self._next()
        mine.wait()

    def run(self, processes: dict[float, list[Callable[[], object]]]) -> list[Exception]:
        """Start each process at its time and return when all have ended, with what they raised."""
        raised: list[Exception] = []
        threads = [
            Thread(target=self._live, args=(process, self._at(start), raised), daemon=True)
            for start, some in processes.items()
            for process in some
        ]
        for thread in threads:
            thread.start()
        self._next()
        for thread in threads:
            thread.join()
        return raised

    def _live(self, process: Callable[[], object], start: Event, raised: list[Exception]) -> None:
        start.wait()
        try:
            process()
        except Exception as fault:  # noqa: BLE001 (the test judges it)
            raised.append(fault)
        finally:
            self._next()

    def _at(self, when: float) -> Event:
        with self._lock:
            self._number += 1
            event = Event()
            heappush(self._due, (when, self._number, event))
        return event

    def _next(self) -> None:
        with self._lock:
            if self._due:
                self.time, _, event = heappop(self._due)
                event.set()


@dataclass
class OneFile:
    """A file under compare-and-swap; reading, checking and writing it take so many seconds together."""

    clock: SharedTime
    seconds: float
    version: int = 0
    writers: list[str] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    written: dict[str, float] = field(default_factory=dict)

    def attempt(self, context: StepContext) -> Callable[[], str]:
        """One try of the release of `context` to write. Raises StaleWrite."""
        name = context.release.id

        def attempt() -> str:
            read = self.version
            self.clock.sleep(self.seconds)
            if read != self.version:
                self.lost[name] = self.lost.get(name, 0) + 1
                raise StaleWrite("written by others")
            self.version += 1
            self.writers.append(name)
            self.written[name] = self.clock.now()
            return "written"

        return attempt
