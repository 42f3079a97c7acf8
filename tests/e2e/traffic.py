"""Steady traffic through every replica and the Service of a gateway, each answer judged the moment it comes.

Raw HTTP/1.1 on kept connections: the cores are shared with the gateway and the shop, so that a client library would be
most of the load. What a marked request is owed is read before it is sent and again when it is answered: only when both
are the same can it be held against the gateway who answered; a failed answer always is.
"""

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

HOST = "shop.example.com"
STABLE, CANARY = "orders", "orders-canary"
STAMP = "x-gatewayctl-release"
OK = 200
_PATIENCE = 15.0  # seconds for one answer
_MOST = 20  # faults that are kept in words


class Kind(StrEnum):
    """What is sent."""

    UNMARKED = "unmarked"
    MARKED = "marked"
    SLOW = "marked, slow"
    NEIGHBOUR = "marked, to a neighbour"


PATHS = {
    Kind.UNMARKED: "/api/orders/items",
    Kind.MARKED: "/api/orders/health",
    Kind.SLOW: "/api/orders/slow?ms=700",
    Kind.NEIGHBOUR: "/api/payments/health",
}


@dataclass(frozen=True, slots=True)
class Owed:
    """What requests marked with `mark` are owed: an answer of one of `by`."""

    mark: str
    by: frozenset[str]


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer: its status, who gave it (a Deployment, a Pod), the gateway's stamp; status 0 is a broken one."""

    status: int
    who: str
    stamp: str
    error: str = ""
    pod: str = ""


EITHER = frozenset({STABLE, CANARY})


@dataclass
class Traffic:
    """`entrances` are host:port; each takes `rate` requests a second of the two common kinds together, over `line`s."""

    entrances: tuple[str, ...]
    rate: float
    line: "type[Timeline]" = field(default_factory=lambda: Timeline)
    owed: Owed = Owed("nothing-yet", frozenset({STABLE}))
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    faulty: int = 0
    phase: str = ""
    begun: float = field(default_factory=time.monotonic)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="traffic")

    @property
    def requests(self) -> int:
        """How many were answered or failed so far."""
        return sum(self.counts[kind] for kind in Kind)

    def start(self) -> None:
        """In a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Wait until every request that was sent has its answer."""
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        plan = ((Kind.UNMARKED, self.rate / 2), (Kind.MARKED, self.rate / 2), (Kind.SLOW, 1.0), (Kind.NEIGHBOUR, 5.0))
        await asyncio.gather(
            *(self._send(endpoints, kind, 1 / rate) for endpoints in self.entrances for kind, rate in plan)
        )

    async def _send(self, endpoints: str, kind: Kind, every: float) -> None:
        """One client: a request every `every` seconds, or as fast as answers come."""
        line = self.line(endpoints)
        due = time.monotonic()
        while not self._stop.is_set():
            before = self.owed
            heard = await line.ask(PATHS[kind], "" if kind is Kind.UNMARKED else before.mark)
            self.counts[kind] += 1
            after = self.owed
            fault = judge(kind, before if before is after else Owed(before.mark, EITHER), heard)
            if before is after and kind in (Kind.MARKED, Kind.SLOW) and before.by == {CANARY}:
                self.counts[f"strictly the canary's, {before.mark}"] += 1
            self.counts[f"{kind}: {heard.who or 'nobody'}"] += 1
            if fault:
                self.faulty += 1
                self.faults[_MOST:] = []
                self.faults.append(f"{time.monotonic() - self.begun:.2f} s, {self.phase}: {endpoints}: {fault}")
            due = max(due + every, time.monotonic() - every)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        line.close()


def judge(kind: Kind, owed: Owed, heard: Heard) -> str:
    """What is wrong with an answer; empty when nothing is."""
    if heard.status != OK:
        return f"{kind} ({owed.mark}, {' or '.join(sorted(owed.by))}) failed: HTTP {heard.status}: {heard.error}"
    if bool(heard.stamp) != (heard.who == CANARY):
        return f"{kind}: {heard.who} with stamp {heard.stamp!r}"
    fine = {Kind.UNMARKED: frozenset({STABLE}), Kind.NEIGHBOUR: frozenset({"payments"})}.get(kind, owed.by)
    return "" if heard.who in fine else f"{kind} ({owed.mark}) misrouted: {heard.who} answered, owed {sorted(fine)}"


class Timeline:
    """One kept connection, opened again when the other side has closed it between two requests."""

    def __init__(self, endpoints: str) -> None:
        self._host, _, self._port = endpoints.partition(":")
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, mark: str) -> Heard:
        """One GET. A broken connection is an answer with status 0: no second try hides a failure."""
        marked = f"x-canary: {mark}\r\n" if mark else ""
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await self._open()
                writer.write(f"GET {path} HTTP/1.1\r\nhost: {HOST}\r\n{marked}\r\n".encode())
                return await self._answer(reader)
        except (OSError, EOFError, TimeoutError, ValueError) as fault:
            self.close()
            return Heard(0, "", "", f"{type(fault).__name__}: {fault}")

    def close(self) -> None:
        """Give the connection back."""
        if self._pair:
            self._pair[1].close()
            self._pair = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._pair is None:
            self._pair = await asyncio.open_connection(self._host, int(self._port))
        return self._pair

    async def _answer(self, reader: asyncio.StreamReader) -> Heard:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(one.lower().split(": ", 1) for one in head[1:] if ": " in one)
        body = await reader.readexactly(int(fields["content-length"]))
        if fields.get("connection") == "close":
            self.close()
        pod = fields.get("x-served-by", "")
        status = int(head[0].split()[1])
        said = "" if status == OK else body.decode("latin-1")[:200]
        return Heard(status, pod.rsplit("-", 2)[0], fields.get(STAMP, ""), said, pod)


class Once(Timeline):
    """A connection for each request: a server that closes an idle one may do so while a request is on its way."""

    async def ask(self, path: str, mark: str) -> Heard:
        """One GET, and goodbye."""
        try:
            return await super().ask(path, mark)
        finally:
            self.close()
