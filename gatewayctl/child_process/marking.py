"""Adds the header to requests to the gateway, and attributes the answers, for any test file.

A request is marked, and its answer counted, where a library sends it: below redirects, sessions and hooks. So each
request of a redirect is looked at by itself, and an answer counts also if a hook of the test raises afterwards. Only
requests to the gateway's public URL or to a replica are changed. A header that the test set itself stays as it is.
"""

import atexit
import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from gatewayctl.child_process.client_libraries import (
    aiohttp_client,
    grpc_channels,
    http_client,
    httpx_transport,
    websocket_clients,
)
from gatewayctl.child_process.connections import Connections
from gatewayctl.child_process.exchange import Exchange, SentRequest
from gatewayctl.child_process.gateway_address import GatewayAddress
from gatewayctl.child_process.leading import lead
from gatewayctl.child_process.on_import import Patch, patch_on_import
from gatewayctl.child_process.present_test import bind
from gatewayctl.child_process.tally import Tally
from gatewayctl.domain.smoke import GatewayEndpoints

_unmarked: ContextVar[bool] = ContextVar("gatewayctl_unmarked", default=False)


@contextlib.contextmanager
def unmarked() -> Iterator[None]:
    """Requests inside the block do not get the header; their answers count as baseline.

    The block is this thread's or task's. What it gives to an executor, and threads that it starts, belong to it too.
    """
    token = _unmarked.set(True)
    try:
        yield
    finally:
        _unmarked.reset(token)


class Marking:
    """What the patches of the client libraries ask: which headers to add, and where to count."""

    def __init__(self, endpoints: GatewayEndpoints, tally: Tally) -> None:
        self.endpoints = endpoints
        self.address = GatewayAddress(endpoints)
        self._tally = tally
        self.connections = Connections(tally.count_unmarked_connection, _unmarked.get)
        self._waiting: set[Exchange] = set()
        self._counts: list[Callable[[], None]] = []

    def headers_to_add(self, host: object, port: object, headers: Mapping[str, str]) -> dict[str, str] | None:
        """Headers that a request gets which has `headers` (names in lower case); None if it is not to the gateway."""
        if not self.address.is_gateway(host, port):
            return None
        header, added = self.endpoints.header, {}
        own_hosts = ("", f"{host}:{port}", f"[{host}]:{port}")
        if self.endpoints.host and not self.address.is_public(host, port) and headers.get("host", "") in own_hosts:
            added["Host"] = self.endpoints.host
        if header.name.lower() not in headers and not _unmarked.get():
            added[header.name] = header.value
        return added

    def begin(self, request: SentRequest) -> Exchange:
        """A request to the gateway is being sent, with all its headers."""
        header = self.endpoints.header
        marked = request.headers.get(header.name.lower()) == header.value
        url = self.connections.claim(request.local) or self.endpoints.base_url
        text = f"{request.method} {urlsplit(request.path).path or '/'} at {url}"
        return Exchange(text, marked, self._tally, self._waiting)

    def count_later(self, count: Callable[[], None]) -> None:
        """Call `count` when the test is over: what a library calls back in a thread of its own may come later."""
        self._counts.append(count)

    def settle(self, *, ended: bool = False) -> None:
        """Count the answers whose bodies nobody read, and tell of connections that no known client used.

        A connection may be in use soon, so it is told at the second call, or when the suite has ended.
        """
        counts, self._counts = self._counts, []
        for count in counts:
            count()
        for exchange in list(self._waiting):
            exchange.finish("")
        self.connections.settle(ended=ended)


def install(marking: Marking) -> None:
    """From now on, lead connections, add the header and count answers, also in modules that are imported later."""
    lead(marking.endpoints, marking.connections.saw, marking.connections.left)
    atexit.register(marking.settle, ended=True)  # for a program that is no pytest
    patches: dict[str, Callable[[Any, Marking], None]] = {
        "http.client": http_client.patch,
        "httpx": httpx_transport.patch,
        "aiohttp": aiohttp_client.patch,
        "websockets.client": websocket_clients.patch_protocol,
        "websockets.asyncio.client": websocket_clients.patch_connection,
        "websockets.sync.client": websocket_clients.patch_connection,
        "websockets.legacy.client": websocket_clients.patch_legacy,
        "websocket._handshake": websocket_clients.patch_websocket_client,
        "grpc": grpc_channels.patch,
        "grpc.aio": grpc_channels.patch_aio,
    }
    patch_on_import({name: _bind(patch, marking) for name, patch in patches.items()})
    patch_on_import({"threading": _patch_threads, "concurrent.futures.thread": _patch_executor})


def _bind(patch: Callable[[Any, Marking], None], marking: Marking) -> Patch:
    return lambda module: patch(module, marking)


def _patch_executor(thread: Any) -> None:
    """An executor's threads serve all tests and blocks, so each task takes its own along."""
    submit = thread.ThreadPoolExecutor.submit

    @functools.wraps(submit)
    def submit_with_block(self: Any, function: Any, /, *args: Any, **options: Any) -> Any:
        return submit(self, bind(_within(_unmarked.get(), function)), *args, **options)

    thread.ThreadPoolExecutor.submit = submit_with_block


def _patch_threads(threading: Any) -> None:
    start = threading.Thread.start

    @functools.wraps(start)
    def start_with_block(self: Any) -> None:
        if _unmarked.get():
            self.run = _within(_unmarked.get(), self.run)
        start(self)

    threading.Thread.start = start_with_block


def _within(is_unmarked: bool, function: Any) -> Any:  # noqa: FBT001 (as it was in the thread that calls)
    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> Any:
        token = _unmarked.set(is_unmarked)
        try:
            return function(*args, **options)
        finally:
            _unmarked.reset(token)

    return run
