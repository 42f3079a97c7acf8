"""gRPC: its core opens connections itself, without Python's sockets, so its channels are made to a replica at once."""

import asyncio
import functools
import pkgutil
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayctl.child_process.exchange import Exchange, SentRequest
from gatewayctl.child_process.gateway_address import address_of
from gatewayctl.domain.platform import Tls

if TYPE_CHECKING:
    from gatewayctl.child_process.marking import Marking

_FIELDS = ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")


def patch(grpc: Any, marking: "Marking") -> None:
    """Patch the functions that make channels, for blocking calls and futures."""
    insecure, secure = grpc.insecure_channel, grpc.secure_channel
    interceptor = _interceptor(grpc, marking)

    @functools.wraps(insecure)
    def insecure_channel(target: str, options: Any = None, compression: Any = None) -> Any:
        led = _led(target, options, marking)
        if led is None:
            return insecure(target, options, compression)
        return grpc.intercept_channel(insecure(*led, compression), interceptor)

    @functools.wraps(secure)
    def secure_channel(target: str, credentials: Any, options: Any = None, compression: Any = None) -> Any:
        led = _led(target, options, marking)
        if led is None:
            return secure(target, credentials, options, compression)
        return grpc.intercept_channel(secure(led[0], credentials, led[1], compression), interceptor)

    grpc.insecure_channel, grpc.secure_channel = insecure_channel, secure_channel
    if marking.endpoints.tls:
        grpc.ssl_channel_credentials = _completed(grpc.ssl_channel_credentials, marking.endpoints.tls)


def _completed(real: Any, tls: Tls) -> Any:
    """Credentials that trust the gateway's authority too, and show the client's certificate, if they name none."""

    @functools.wraps(real)
    def ssl_channel_credentials(
        root_certificates: Any = None, private_key: Any = None, certificate_chain: Any = None
    ) -> Any:
        if root_certificates is None and tls.ca:
            usual = pkgutil.get_data("grpc._cython", "_credentials/roots.pem") or b""
            root_certificates = usual + b"\n" + Path(tls.ca).read_bytes()
        if private_key is None and certificate_chain is None and tls.certificate:
            certificate_chain = Path(tls.certificate).read_bytes()
            private_key = Path(tls.key or tls.certificate).read_bytes()
        return real(root_certificates, private_key, certificate_chain)

    return ssl_channel_credentials


def patch_aio(aio: Any, marking: "Marking") -> None:
    """Patch the functions that make channels, for asyncio."""
    insecure, secure = aio.insecure_channel, aio.secure_channel
    added = _aio_interceptors(aio, marking)

    @functools.wraps(insecure)
    def insecure_channel(target: str, options: Any = None, compression: Any = None, interceptors: Any = None) -> Any:
        led = _led(target, options, marking)
        if led is None:
            return insecure(target, options, compression, interceptors)
        return insecure(*led, compression, [*(interceptors or ()), *added])

    @functools.wraps(secure)
    def secure_channel(
        target: str, credentials: Any, options: Any = None, compression: Any = None, interceptors: Any = None
    ) -> Any:
        led = _led(target, options, marking)
        if led is None:
            return secure(target, credentials, options, compression, interceptors)
        return secure(led[0], credentials, led[1], compression, [*(interceptors or ()), *added])

    aio.insecure_channel, aio.secure_channel = insecure_channel, secure_channel


def _led(target: str, options: Any, marking: "Marking") -> tuple[str, list[tuple[str, Any]]] | None:
    """The target and the options of a channel to the gateway; None for a channel to another address."""
    host, port = address_of("//" + target.rpartition("/")[2].removeprefix("dns:"))
    if not marking.address.is_gateway(host, port):
        return None
    if marking.address.is_public(host, port):
        host, port = address_of(marking.address.next_url())
    given = list(options or ())
    names = {name for name, _ in given}
    authority = marking.endpoints.host
    ours = {"grpc.default_authority": authority, "grpc.ssl_target_name_override": authority.partition(":")[0]}
    added = [(name, value) for name, value in ours.items() if authority and name not in names]
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}"), [*given, *added]


def _mark(details: Any, marking: "Marking") -> tuple[list[tuple[str, Any]], Exchange]:
    """The metadata with which a call is sent, and what counts its answer."""
    metadata = list(details.metadata or ())
    names = {str(name).lower(): str(value) for name, value in metadata}
    added = marking.headers_to_add(*marking.address.public, names) or {}
    header = marking.endpoints.header.name
    if header in added:
        metadata.append((header.lower(), added[header]))
        names[header.lower()] = added[header]
    method = details.method.decode() if isinstance(details.method, bytes) else details.method
    return metadata, marking.begin(SentRequest("POST", method, names))


def _count(exchange: Exchange, metadata: Any) -> None:
    """Count the answer of a call, if there was one: a call that found no server has no metadata."""
    headers = {str(name).lower(): str(value) for name, value in metadata or ()}
    if headers:
        exchange.answered(200, headers.get)


def _interceptor(grpc: Any, marking: "Marking") -> Any:
    class Details(namedtuple("Details", _FIELDS), grpc.ClientCallDetails):  # type: ignore[misc]
        pass

    def send(continuation: Any, details: Any, request: Any) -> Any:
        metadata, exchange = _mark(details, marking)
        fields = {name: getattr(details, name, None) for name in _FIELDS}
        call = continuation(Details(**{**fields, "metadata": metadata}), request)

        def count(*_: Any) -> None:
            _count(exchange, [*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())])

        marking.count_later(lambda: count() if call.done() else None)
        call.add_done_callback(count)
        return call

    class Interceptor(
        grpc.UnaryUnaryClientInterceptor,  # type: ignore[misc]
        grpc.UnaryStreamClientInterceptor,  # type: ignore[misc]
        grpc.StreamUnaryClientInterceptor,  # type: ignore[misc]
        grpc.StreamStreamClientInterceptor,  # type: ignore[misc]
    ):
        intercept_unary_unary = intercept_unary_stream = staticmethod(send)
        intercept_stream_unary = intercept_stream_stream = staticmethod(send)

    return Interceptor()


def _aio_interceptors(aio: Any, marking: "Marking") -> list[Any]:
    counting: set[asyncio.Task[None]] = set()

    async def count(call: Any, exchange: Exchange) -> None:
        _count(exchange, await call.initial_metadata() or await call.trailing_metadata())

    async def send_unary(_: Any, continuation: Any, details: Any, request: Any) -> Any:
        metadata, exchange = _mark(details, marking)
        call = await continuation(details._replace(metadata=aio.Metadata(*metadata)), request)
        await count(call, exchange)
        return call

    async def send_stream(_: Any, continuation: Any, details: Any, request: Any) -> Any:
        # The server may answer only after messages that the test is to send later, so nothing waits here.
        metadata, exchange = _mark(details, marking)
        call = await continuation(details._replace(metadata=aio.Metadata(*metadata)), request)
        task = asyncio.create_task(count(call, exchange))
        counting.add(task)
        task.add_done_callback(counting.discard)
        return call

    kinds = (
        (aio.UnaryUnaryClientInterceptor, "intercept_unary_unary", send_unary),
        (aio.UnaryStreamClientInterceptor, "intercept_unary_stream", send_stream),
        (aio.StreamUnaryClientInterceptor, "intercept_stream_unary", send_stream),
        (aio.StreamStreamClientInterceptor, "intercept_stream_stream", send_stream),
    )
    return [type("Interceptor", (kind,), {method: send})() for kind, method, send in kinds]
