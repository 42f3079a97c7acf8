"""The body of an answer of http.client, as text, once the test has read it.

The copy is made below all that decodes it, because urllib3 takes the bytes from there in some cases.
"""

import io
import zlib
from typing import Any

from gatewayctl.child_process.exchange import Exchange

_LARGEST_BODY = 1 << 20  # bytes in which the version is looked for


class BodyCopy:
    """The file from which a response reads its body; what was read is attributed when the response closes it."""

    def __init__(self, response: Any, exchange: Exchange, module: Any) -> None:
        self._file = response.fp
        self._exchange = exchange
        self._bytes = bytearray()
        self._module = module
        self._headers, self._chunked, self._length = response.headers, response.chunked, response.length

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, *size: Any) -> Any:
        """As the file does it; so do the next ones."""
        return self._keep(self._file.read(*size))

    def read1(self, *size: Any) -> Any:
        return self._keep(self._file.read1(*size))

    def readline(self, *size: Any) -> Any:
        return self._keep(self._file.readline(*size))

    def readinto(self, buffer: Any) -> Any:
        count = self._file.readinto(buffer)
        self._keep(bytes(memoryview(buffer)[: count or 0]))
        return count

    def close(self) -> None:
        """The response is over."""
        self._file.close()
        self._exchange.finish(self._body())

    def _keep(self, part: Any) -> Any:
        if part and len(self._bytes) < _LARGEST_BODY:
            self._bytes += part
        return part

    def _body(self) -> str:
        """The body as text; empty if it did not come whole, or nobody here can decode it."""
        again = self._module.HTTPResponse(_Bytes(self._bytes))
        again.headers = again.msg = self._headers
        again.chunked, again.length, again.will_close, again.chunk_left = self._chunked, self._length, True, None
        try:
            whole: bytes = again.read()
            if self._headers.get("content-encoding", "").lower() in ("gzip", "deflate"):
                whole = zlib.decompress(whole, wbits=zlib.MAX_WBITS | 32)
        except (self._module.HTTPException, ValueError, zlib.error):
            return ""
        return whole.decode(errors="replace")


class _Bytes:
    """Stands for a socket that has received these bytes."""

    def __init__(self, received: bytes | bytearray) -> None:
        self._received = received

    def makefile(self, *_mode: Any) -> io.BytesIO:
        return io.BytesIO(self._received)
