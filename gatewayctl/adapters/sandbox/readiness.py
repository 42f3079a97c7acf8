"""Readiness questions over plain HTTP/1.1: one GET, the status line, nothing more."""

import asyncio
from dataclasses import dataclass

_LARGEST = 4096  # bytes of an answer that are looked at


@dataclass(frozen=True, slots=True)
class Word:
    """What came back: `status` 0 when nothing did; `text` is for a person."""

    status: int
    text: str

    @property
    def good(self) -> bool:
        """What Kubernetes takes as success."""
        return 200 <= self.status < 400


async def ask(address: str, port: int, path: str, seconds: float) -> Word:
    """Ask once, for at most `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(address, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read(_LARGEST)
            finally:
                writer.close()
    except TimeoutError:
        return Word(0, f"GET {path}: no answer within {seconds:g} s")
    except OSError as fault:
        return Word(0, f"GET {path}: {fault.strerror or fault}")
    head, _, _ = answer.partition(b"\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not head.startswith(b"HTTP/") or not words[1].isdigit():
        return Word(0, f"GET {path}: answered something that is not HTTP")
    return Word(int(words[1]), f"GET {path} answered {int(words[1])}")


async def takes_connections(address: str, port: int, seconds: float) -> bool:
    """Whether something listens there."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
