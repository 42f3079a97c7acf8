"""aiohttp: each request of a redirect is an object of its own, also the one that opens a WebSocket."""

import functools
from typing import TYPE_CHECKING, Any

from gatewayctl.child_process.exchange import Exchange, SentRequest

if TYPE_CHECKING:
    from gatewayctl.child_process.marking import Marking


def patch(aiohttp: Any, marking: "Marking") -> None:
    """Patch the methods that send a request, get the answer, and read its body."""
    request_class, response_class = aiohttp.client_reqrep.ClientRequest, aiohttp.client_reqrep.ClientResponse
    send, start, read = request_class.send, response_class.start, response_class.read

    @functools.wraps(send)
    async def send_marked(self: Any, conn: Any) -> Any:
        headers = {name.lower(): value for name, value in self.headers.items()}
        added = marking.headers_to_add(self.url.host, self.url.port, headers)
        if added is None:
            return await send(self, conn)
        self.headers.update(added)
        headers.update({name.lower(): value for name, value in added.items()})
        local = conn.transport.get_extra_info("sockname") if conn.transport else None
        exchange = marking.begin(SentRequest(self.method, self.url.raw_path, headers, local))
        response = await send(self, conn)
        response._gatewayctl = exchange
        return response

    @functools.wraps(start)
    async def start_and_count(self: Any, connection: Any) -> Any:
        started = await start(self, connection)
        exchange = getattr(self, "_gatewayctl", None)
        if isinstance(exchange, Exchange):
            exchange.answered(self.status, self.headers.get, body_follows=True)
        return started

    @functools.wraps(read)
    async def read_and_finish(self: Any) -> bytes:
        body: bytes = await read(self)
        exchange = getattr(self, "_gatewayctl", None)
        if isinstance(exchange, Exchange):
            exchange.finish(body.decode(errors="replace"))
        return body

    request_class.send, response_class.start, response_class.read = send_marked, start_and_count, read_and_finish
