"""Python's http.client, and with it urllib, urllib3, requests and all that is built on them."""

import contextlib
import functools
from typing import TYPE_CHECKING, Any

from gatewayctl.child_process.client_libraries.http_body import BodyCopy
from gatewayctl.child_process.exchange import Exchange, SentRequest

if TYPE_CHECKING:
    from gatewayctl.child_process.marking import Marking


def patch(module: Any, marking: "Marking") -> None:
    """Patch the methods with which a connection sends a request and gets its answer."""
    patches = _Patches(module, marking)
    for name in ("putrequest", "putheader", "endheaders", "getresponse"):
        real = getattr(module.HTTPConnection, name)
        setattr(module.HTTPConnection, name, functools.wraps(real)(getattr(patches, name)(real)))


class _Request:
    """A request that is being written; its header names in lower case."""

    def __init__(self, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.headers: dict[str, str] = {}


class _Patches:
    """Each method is given the real one of a connection, and returns what replaces it."""

    def __init__(self, module: Any, marking: "Marking") -> None:
        self._module = module
        self._marking = marking

    def putrequest(self, real: Any) -> Any:
        """Begin a request; to a replica's address it gets the gateway's Host in place of that address."""

        def putrequest(connection: Any, method: str, url: str, *args: Any, **options: Any) -> None:
            options.update(zip(("skip_host", "skip_accept_encoding"), args, strict=False))
            added = self._marking.headers_to_add(*_origin(connection), {})
            connection._gatewayctl = None if added is None else _Request(method, url)
            host = (added or {}).get("Host") if not options.get("skip_host") else None
            if host:
                options["skip_host"] = True
            real(connection, method, url, **options)
            if host:
                connection.putheader("Host", host)

        return putrequest

    def putheader(self, real: Any) -> Any:
        """Note a header that the request has."""

        def putheader(connection: Any, header: Any, *values: Any) -> None:
            request = getattr(connection, "_gatewayctl", None)
            if isinstance(request, _Request):
                request.headers[_text(header).lower()] = ", ".join(map(_text, values))
            real(connection, header, *values)

        return putheader

    def endheaders(self, real: Any) -> Any:
        """Add the header, and send the request."""

        def endheaders(connection: Any, *args: Any, **options: Any) -> None:
            request = getattr(connection, "_gatewayctl", None)
            if not isinstance(request, _Request):
                real(connection, *args, **options)
                return
            added = self._marking.headers_to_add(*_origin(connection), request.headers) or {}
            for name in added.keys() - {"Host"}:
                connection.putheader(name, added[name])
            try:
                real(connection, *args, **options)
            finally:
                local = None
                with contextlib.suppress(OSError, AttributeError):  # not connected, or closed again
                    local = connection.sock.getsockname()
                sent = SentRequest(request.method, request.path, request.headers, local)
                connection._gatewayctl = self._marking.begin(sent)

        return endheaders

    def getresponse(self, real: Any) -> Any:
        """Count the answer. urllib3's method of the same name calls this one, too."""

        def getresponse(connection: Any, *args: Any, **options: Any) -> Any:
            response = real(connection, *args, **options)
            exchange = getattr(connection, "_gatewayctl", None)
            if isinstance(exchange, Exchange):
                connection._gatewayctl = None
                with_body = exchange.needs_body and response.fp is not None and response.length != 0
                if with_body:
                    response.fp = BodyCopy(response, exchange, self._module)
                exchange.answered(response.status, response.headers.get, body_follows=with_body)
            return response

        return getresponse


def _origin(connection: Any) -> tuple[Any, Any]:
    """The host and port that requests of a connection are for; in a proxy's tunnel they are not those of the proxy."""
    if getattr(connection, "_tunnel_host", None):
        return connection._tunnel_host, connection._tunnel_port
    return connection.host, connection.port


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
