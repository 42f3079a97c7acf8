"""Readiness probes over HTTP/1.1: one GET, of whose answer only the status line is read."""

import asyncio
from dataclasses import dataclass

_LARGEST_ANSWER = 4096  # bytes of an answer that are read


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The answer to a probe: `status` 0 when there was none; `detail` is for a person."""

    status: int
    detail: str

    @property
    def is_success(self) -> bool:
        """Whether Kubernetes would call it a success."""
        return 200 <= self.status < 400


async def probe_http(address: str, port: int, path: str, seconds: float) -> ProbeResult:
    """Send one GET, and wait for at most `seconds` for the answer."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(address, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read(_LARGEST_ANSWER)
            finally:
                writer.close()
    except TimeoutError:
        return ProbeResult(0, f"GET {path}: no answer within {seconds:g} s")
    except OSError as fault:
        return ProbeResult(0, f"GET {path}: {fault.strerror or fault}")
    head, _, _ = answer.partition(b"\r\n")
    parts = head.split(b" ", 2)
    if len(parts) < 2 or not head.startswith(b"HTTP/") or not parts[1].isdigit():
        return ProbeResult(0, f"GET {path}: answered something that is not HTTP")
    return ProbeResult(int(parts[1]), f"GET {path} answered {int(parts[1])}")


async def accepts_connections(address: str, port: int, seconds: float) -> bool:
    """Whether a program listens on this address and port."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
