"""Two libraries for WebSockets: the request that opens one gets the header, and its answer says who it leads to."""

import contextlib
import functools
import sys
from typing import TYPE_CHECKING, Any

from gatewayctl.child_process.exchange import Exchange, SentRequest

if TYPE_CHECKING:
    from gatewayctl.child_process.marking import Marking


def patch_protocol(module: Any, marking: "Marking") -> None:
    """websockets: patch the methods of the protocol that make the request and look at the answer."""
    protocol = module.ClientProtocol
    send_request, process_response = protocol.send_request, protocol.process_response

    @functools.wraps(send_request)
    def send_marked(self: Any, request: Any) -> None:
        self._gatewayctl = _mark(request.headers, (self.uri.host, self.uri.port), request.path, marking)
        send_request(self, request)

    @functools.wraps(process_response)
    def count(self: Any, response: Any) -> None:
        _count(self, response.status_code, response.headers)
        process_response(self, response)

    protocol.send_request, protocol.process_response = send_marked, count


def patch_connection(module: Any, marking: "Marking") -> None:
    """websockets: patch the method of a connection that has both the socket and the request."""
    handshake = module.ClientConnection.handshake

    @functools.wraps(handshake)
    def claim_and_shake(self: Any, *args: Any, **options: Any) -> Any:
        marking.connections.claim(_local(self))
        return handshake(self, *args, **options)

    module.ClientConnection.handshake = claim_and_shake


def patch_legacy(module: Any, marking: "Marking") -> None:
    """websockets before version 14, and still there in later ones."""
    protocol = module.WebSocketClientProtocol
    write, read = protocol.write_http_request, protocol.read_http_response

    @functools.wraps(write)
    def write_marked(self: Any, path: str, headers: Any) -> Any:
        marking.connections.claim(_local(self))
        self._gatewayctl = _mark(headers, (self._host, self._port), path, marking)
        return write(self, path, headers)

    @functools.wraps(read)
    async def read_and_count(self: Any) -> Any:
        status, headers = await read(self)
        _count(self, status, headers)
        return status, headers

    protocol.write_http_request, protocol.read_http_response = write_marked, read_and_count


def patch_websocket_client(module: Any, marking: "Marking") -> None:
    """websocket-client: patch the function that sends the request and reads the answer."""
    handshake = module.handshake

    @functools.wraps(handshake)
    def shake_marked(sock: Any, url: str, hostname: str, port: int, resource: str, **options: Any) -> Any:
        given = options.get("header") or []
        lines = [f"{name}: {value}" for name, value in given.items()] if isinstance(given, dict) else list(given)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if options.get("host"):
            headers["host"] = options["host"]
        added = marking.headers_to_add(hostname, port, headers)
        if added is None:
            return handshake(sock, url, hostname, port, resource, **options)
        if "Host" in added:
            options["host"] = added.pop("Host")
        options["header"] = lines + [f"{name}: {value}" for name, value in added.items()]
        headers.update({name.lower(): value for name, value in added.items()})
        exchange = marking.begin(SentRequest("GET", resource, headers, sock.getsockname()))
        try:
            response = handshake(sock, url, hostname, port, resource, **options)
        except Exception as refused:
            status = getattr(refused, "status_code", None)
            if status is not None:
                exchange.answered(status, (getattr(refused, "resp_headers", None) or {}).get)
            raise
        exchange.answered(response.status, response.headers.get)
        return response

    module.handshake = shake_marked
    core = sys.modules.get("websocket._core")  # it has taken the function already if the library was imported before
    if core is not None:
        core.handshake = shake_marked  # type: ignore[attr-defined]


def _mark(headers: Any, origin: tuple[str, int], path: str, marking: "Marking") -> Exchange | None:
    """Add our headers to a request of websockets; what counts its answer, or None if it is not to the gateway."""
    given = {name.lower(): value for name, value in headers.raw_items()}
    added = marking.headers_to_add(*origin, given)
    if added is None:
        return None
    for name, value in added.items():
        with contextlib.suppress(KeyError):
            del headers[name]  # setting a header adds one more
        headers[name] = value
    sent = {name.lower(): value for name, value in headers.raw_items()}
    return marking.begin(SentRequest("GET", path, sent))


def _count(holder: Any, status: int, headers: Any) -> None:
    exchange = getattr(holder, "_gatewayctl", None)
    if isinstance(exchange, Exchange):
        holder._gatewayctl = None
        exchange.answered(status, {name.lower(): value for name, value in headers.raw_items()}.get)


def _local(connection: Any) -> Any:
    """This end's address of a connection with asyncio or with threads; None if it is closed."""
    with contextlib.suppress(OSError):
        if hasattr(connection, "socket"):
            return connection.socket.getsockname()
        if getattr(connection, "transport", None):
            return connection.transport.get_extra_info("sockname")
    return None
