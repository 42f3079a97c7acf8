"""Customers: unmarked requests at a steady rate through every gateway replica, each answer kept with its moments."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.traffic import OK, Heard, Timeline


@dataclass(frozen=True, slots=True)
class Served:
    """One request through an entrance (host:port), from its first byte to its answer. Monotonic seconds."""

    entrance: str
    begun: float
    ended: float
    heard: Heard


@dataclass
class Customers:
    """Each entrance takes `rate` requests a second for `path`."""

    entrances: tuple[str, ...]
    rate: float
    path: str = "/api/orders/items"
    served: list[Served] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def failed(self) -> list[Heard]:
        """Answers that are no success, and broken connections."""
        return [one.heard for one in self.served if one.heard.status != OK]

    def by(self, deployment: str, begun: float = 0.0) -> list[Served]:
        """What a Deployment answered of the requests that began then or later."""
        return [one for one in self.served if one.heard.who == deployment and one.begun >= begun]

    def run(self) -> None:
        """Send until it is stopped, and wait for every answer."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._stop.set()

    async def _run(self) -> None:
        await asyncio.gather(*(self._send(entrance) for entrance in self.entrances))

    async def _send(self, entrance: str) -> None:
        line = Timeline(entrance)
        due = time.monotonic()
        while not self._stop.is_set():
            begun = time.monotonic()
            heard = await line.ask(self.path, "")
            self.served.append(Served(entrance, begun, time.monotonic(), heard))
            due = max(due + 1 / self.rate, time.monotonic() - 1 / self.rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        line.close()


@contextmanager
def serving(entrances: tuple[str, ...], rate: float, path: str = "/api/orders/items") -> Iterator[Customers]:
    """Customers for as long as the block runs; afterwards every request has its answer."""
    customers = Customers(entrances, rate, path)
    thread = threading.Thread(target=customers.run, name="customers")
    thread.start()
    try:
        yield customers
    finally:
        customers.stop()
        thread.join()
