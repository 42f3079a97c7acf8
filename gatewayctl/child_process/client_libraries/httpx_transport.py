"""httpx: its transports, which send each request of a redirect by itself."""

import contextlib
import functools
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from gatewayctl.child_process.connections import known_client
from gatewayctl.child_process.exchange import Exchange, SentRequest

if TYPE_CHECKING:
    from gatewayctl.child_process.marking import Marking

_LARGEST_BODY = 1 << 20  # bytes in which the version is looked for


def patch(httpx: Any, marking: "Marking") -> None:
    """Patch the method of both transports that sends a request."""
    patches = _Patches(httpx, marking)
    send, send_async = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    @functools.wraps(send)
    def send_marked(self: Any, request: Any) -> Any:
        sent = patches.mark(request)
        if sent is None:
            return send(self, request)
        with known_client():
            response = send(self, sent)
        return patches.count(sent, response)

    @functools.wraps(send_async)
    async def send_marked_async(self: Any, request: Any) -> Any:
        sent = patches.mark(request)
        if sent is None:
            return await send_async(self, request)
        with known_client():
            response = await send_async(self, sent)
        return patches.count(sent, response)

    httpx.HTTPTransport.handle_request = send_marked
    httpx.AsyncHTTPTransport.handle_async_request = send_marked_async


class _Patches:
    """What is done before a request is sent, and after its answer has come."""

    def __init__(self, httpx: Any, marking: "Marking") -> None:
        self._httpx = httpx
        self._marking = marking

        class CopiedBody(_BodyCopy, httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc]
            pass

        self._copied_body = CopiedBody

    def mark(self, request: Any) -> Any:
        """A copy with our headers, or None: headers of the request itself would go along with a redirect elsewhere."""
        url = request.url
        added = self._marking.headers_to_add(url.host, url.port or {"https": 443}.get(url.scheme, 80), request.headers)
        if added is None:
            return None
        headers, extensions = self._httpx.Headers(request.headers), dict(request.extensions)
        headers.update(added)
        if url.scheme == "https" and "Host" in added:
            # The certificate is for the public name, not for a replica's address.
            extensions.setdefault("sni_hostname", added["Host"].partition(":")[0])
        return self._httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=extensions)

    def count(self, sent: Any, response: Any) -> Any:
        """The answer, which counts at once, or when its body has been read."""
        local = None
        with contextlib.suppress(KeyError, OSError, AttributeError):  # a connection that is closed already
            local = response.extensions["network_stream"].get_extra_info("client_addr")
        exchange = self._marking.begin(SentRequest(sent.method, sent.url.raw_path.decode(), sent.headers, local))
        exchange.answered(response.status_code, response.headers.get, body_follows=True)
        if exchange.needs_body:
            response.stream = self._copied_body(self._httpx, response, exchange)
        return response


class _BodyCopy:
    """A stream that hands on the body of an answer, and attributes it when it is closed."""

    def __init__(self, httpx: Any, response: Any, exchange: Exchange) -> None:
        self._httpx = httpx
        self._stream = response.stream
        self._status, self._headers = response.status_code, response.headers
        self._exchange = exchange
        self._bytes = bytearray()

    def __iter__(self) -> Iterator[bytes]:
        for part in self._stream:
            self._keep(part)
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            self._keep(part)
            yield part

    def close(self) -> None:
        self._stream.close()
        self._finish()

    async def aclose(self) -> None:
        await self._stream.aclose()
        self._finish()

    def _keep(self, part: bytes) -> None:
        if len(self._bytes) < _LARGEST_BODY:
            self._bytes += part

    def _finish(self) -> None:
        text = ""
        with contextlib.suppress(self._httpx.DecodingError):  # it is not whole, or what it needs is not installed
            text = self._httpx.Response(self._status, headers=self._headers, content=bytes(self._bytes)).text
        self._exchange.finish(text)
