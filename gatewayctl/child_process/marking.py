"""Adds the header to requests to the gateway's replicas, and attributes the answers, for any test file.

It patches the method of httpx and of requests that sends every request, when the process imports them. Requests to
other addresses stay as they are, and so does a header that the test set itself.
"""

import contextlib
import functools
import sys
import weakref
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextvars import ContextVar
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from gatewayctl.child_process.tally import Tally
from gatewayctl.domain.smoke import GatewayEndpoints

_unmarked: ContextVar[bool] = ContextVar("gatewayctl_unmarked", default=False)
_PORTS = {"http": 80, "https": 443}

Headers = MutableMapping[str, str]


@contextlib.contextmanager
def unmarked() -> Iterator[None]:
    """Requests inside the block, in this thread or task, do not get the header; their answers count as baseline."""
    token = _unmarked.set(True)
    try:
        yield
    finally:
        _unmarked.reset(token)


class Marking:
    """Adds the header to requests, and counts their answers."""

    def __init__(self, endpoints: GatewayEndpoints, tally: Tally) -> None:
        self._endpoints = endpoints
        self._tally = tally
        self._addresses = {_address_of(url) for url in endpoints.urls}
        self._exempt: weakref.WeakSet[object] = weakref.WeakSet()
        # By identity, because the hash of a response may change.
        self._counted: weakref.WeakValueDictionary[int, object] = weakref.WeakValueDictionary()

    def exempt(self, client: object) -> None:
        """Never add the header to requests of this client."""
        self._exempt.add(client)

    def is_gateway(self, url: str) -> bool:
        """Whether a URL is of a replica of the gateway."""
        return _address_of(url) in self._addresses

    def mark(self, client: object, url: str, headers: Headers) -> None:
        """Add the header and the Host that the gateway's rules expect, unless the request has its own."""
        host, header = self._endpoints.host, self._endpoints.header
        if host and headers.get("host", "") in ("", urlsplit(url).netloc.rpartition("@")[2]):
            headers["host"] = host
        if header.name not in headers and not _unmarked.get() and client not in self._exempt:
            headers[header.name] = header.value

    def count(self, response: Any, read_body: Callable[[Any], str]) -> None:
        """Count an answer and the redirects before it, each once."""
        for one in (*response.history, response):
            url = str(one.request.url)
            if self._counted.get(id(one)) is one or not self.is_gateway(url):
                continue
            self._counted[id(one)] = one
            if one.request.headers.get(self._endpoints.header.name) != self._endpoints.header.value:
                self._tally.count_baseline()
                continue
            body = read_body(one) if self._tally.needs_body else ""
            request = f"{one.request.method} {_path_of(url)} at {_replica_of(one) or url}"
            self._tally.count_marked(request, self._tally.reduce_answer(one.status_code, one.headers.get, body))


def _address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _path_of(url: str) -> str:
    return urlsplit(url).path or "/"


def _replica_of(response: Any) -> str:
    """The replica to which a client of clients.py sent the request; empty for other clients."""
    return str(getattr(response, "extensions", {}).get("gatewayctl_replica", ""))


def install(marking: Marking) -> None:
    """From now on, add the header and count answers, also in modules that are imported later."""
    patches = {"httpx": _patch_httpx, "requests": _patch_requests}
    for name in [name for name in patches if name in sys.modules]:
        patches.pop(name)(sys.modules[name], marking)
    sys.meta_path.insert(
        0, _PatchOnImport({name: functools.partial(patch, marking=marking) for name, patch in patches.items()})
    )


class _PatchOnImport(MetaPathFinder):
    """Patches modules right after their import."""

    def __init__(self, patches: dict[str, Callable[[ModuleType], None]]) -> None:
        self._patches = patches

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual spec of a module that is to be patched, with the patch added; None for other modules."""
        patch = self._patches.pop(fullname, None)
        if patch is None:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_patch(module: ModuleType) -> None:
            run(module)
            patch(module)

        spec.loader.exec_module = run_and_patch  # type: ignore[method-assign]
        return spec


def _patch_httpx(httpx: Any, marking: Marking) -> None:
    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def prepare(client: Any, request: Any) -> None:
        url = str(request.url)
        if marking.is_gateway(url):
            marking.mark(client, url, request.headers)
            if request.url.scheme == "https" and "sni_hostname" not in request.extensions:
                # The certificate is for the host name, not for the replica's address.
                request.extensions = {**request.extensions, "sni_hostname": request.headers["host"].partition(":")[0]}

    def body(response: Any) -> str:
        try:
            return str(response.text)
        except httpx.ResponseNotRead:
            return ""  # a stream is left to the test

    @functools.wraps(send)
    def send_marked(self: Any, request: Any, **options: Any) -> Any:
        prepare(self, request)
        response = send(self, request, **options)
        marking.count(response, body)
        return response

    @functools.wraps(send_async)
    async def send_marked_async(self: Any, request: Any, **options: Any) -> Any:
        prepare(self, request)
        response = await send_async(self, request, **options)
        marking.count(response, body)
        return response

    httpx.Client.send, httpx.AsyncClient.send = send_marked, send_marked_async


def _patch_requests(requests: Any, marking: Marking) -> None:
    send = requests.Session.send

    @functools.wraps(send)
    def send_marked(self: Any, request: Any, **options: Any) -> Any:
        url = str(request.url)
        if marking.is_gateway(url):
            marking.mark(self, url, request.headers)
        response = send(self, request, **options)
        streamed = options.get("stream", self.stream)
        marking.count(response, lambda one: "" if streamed else one.text)
        return response

    requests.Session.send = send_marked
