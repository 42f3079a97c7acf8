"""Marks requests to the gateway's replicas and attributes their answers, in test files that know nothing of us.

Patches the one method of httpx and of requests through which every request goes, when (and only when) the process
imports them. Requests to any other address are left as they are, and so is a mark that the test set itself.
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
    """Requests made inside (in this thread or task) are not marked; their answers count as baseline."""
    token = _unmarked.set(True)
    try:
        yield
    finally:
        _unmarked.reset(token)


class Marking:
    """What is done to a request on its way out, and to its answer on its way in."""

    def __init__(self, endpoints: GatewayEndpoints, tally: Tally) -> None:
        self._endpoints = endpoints
        self._tally = tally
        self._places = {_place(url) for url in endpoints.urls}
        self._exempt: weakref.WeakSet[object] = weakref.WeakSet()
        # By identity: responses of requests cannot be hashed reliably once they were changed.
        self._counted: weakref.WeakValueDictionary[int, object] = weakref.WeakValueDictionary()

    def exempt(self, client: object) -> None:
        """This client's requests are never marked."""
        self._exempt.add(client)

    def ours(self, url: str) -> bool:
        """Whether a URL leads to a replica of the gateway."""
        return _place(url) in self._places

    def mark(self, client: object, url: str, headers: Headers) -> None:
        """Add the mark and the Host that the gateway's rules expect, where the request does not say otherwise."""
        host, header = self._endpoints.host, self._endpoints.header
        if host and headers.get("host", "") in ("", urlsplit(url).netloc.rpartition("@")[2]):
            headers["host"] = host
        if header.name not in headers and not _unmarked.get() and client not in self._exempt:
            headers[header.name] = header.value

    def count(self, response: Any, read_body: Callable[[Any], str]) -> None:
        """Attribute an answer and those it was redirected by, each once."""
        for one in (*response.history, response):
            url = str(one.request.url)
            if self._counted.get(id(one)) is one or not self.ours(url):
                continue
            self._counted[id(one)] = one
            if one.request.headers.get(self._endpoints.header.name) != self._endpoints.header.value:
                self._tally.baseline()
                continue
            body = read_body(one) if self._tally.needs_body else ""
            what = f"{one.request.method} {_path(url)} at {_replica(one) or url}"
            self._tally.marked(what, self._tally.answer(one.status_code, one.headers.get, body))


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _path(url: str) -> str:
    return urlsplit(url).path or "/"


def _replica(response: Any) -> str:
    """The replica that a spreading client sent the request to; see clients.py."""
    return str(getattr(response, "extensions", {}).get("gatewayctl_replica", ""))


def install(marking: Marking) -> None:
    """Mark and attribute from now on, also in modules that are imported later."""
    patches = {"httpx": _patch_httpx, "requests": _patch_requests}
    for name in [name for name in patches if name in sys.modules]:
        patches.pop(name)(sys.modules[name], marking)
    sys.meta_path.insert(
        0, _OnImport({name: functools.partial(patch, marking=marking) for name, patch in patches.items()})
    )


class _OnImport(MetaPathFinder):
    """Patches a module right after its own code has run."""

    def __init__(self, patches: dict[str, Callable[[ModuleType], None]]) -> None:
        self._patches = patches

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual spec of a module to be patched; nothing for all others."""
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
        if marking.ours(url):
            marking.mark(client, url, request.headers)
            if request.url.scheme == "https" and "sni_hostname" not in request.extensions:
                # The certificate names the host, not the replica's address.
                request.extensions = {**request.extensions, "sni_hostname": request.headers["host"].partition(":")[0]}

    def body(response: Any) -> str:
        try:
            return str(response.text)
        except httpx.ResponseNotRead:
            return ""  # a stream belongs to the test

    @functools.wraps(send)
    def marked_send(self: Any, request: Any, **options: Any) -> Any:
        prepare(self, request)
        response = send(self, request, **options)
        marking.count(response, body)
        return response

    @functools.wraps(send_async)
    async def marked_send_async(self: Any, request: Any, **options: Any) -> Any:
        prepare(self, request)
        response = await send_async(self, request, **options)
        marking.count(response, body)
        return response

    httpx.Client.send, httpx.AsyncClient.send = marked_send, marked_send_async


def _patch_requests(requests: Any, marking: Marking) -> None:
    send = requests.Session.send

    @functools.wraps(send)
    def marked_send(self: Any, request: Any, **options: Any) -> Any:
        url = str(request.url)
        if marking.ours(url):
            marking.mark(self, url, request.headers)
        response = send(self, request, **options)
        streamed = options.get("stream", self.stream)
        marking.count(response, lambda one: "" if streamed else one.text)
        return response

    requests.Session.send = marked_send
