"""HTTP clients for tests, with the header or without, which send to all replicas of the gateway in turn."""

import contextlib
import itertools

import httpx

from gatewayctl.child_process.gateway_address import led_to
from gatewayctl.child_process.marking import Marking, unmarked
from gatewayctl.domain.smoke import GatewayEndpoints


class SuiteGateway:
    """The fixture `gw`.

    It has `base_url` (the public URL), `urls` (of all replicas), `host`, the `header` that marks a request for the
    canary, and `release`, which the gateway adds to the canary's answers.
    """

    def __init__(self, endpoints: GatewayEndpoints, marking: Marking) -> None:
        self.base_url = endpoints.base_url
        self.urls = endpoints.urls
        self.host = endpoints.host
        self.header = {endpoints.header.name: endpoints.header.value}
        self.release = endpoints.attribution.stamp
        self.unmarked = unmarked
        self._pools = _Pools(endpoints, marking)

    def client(self) -> httpx.Client:
        """A new client that sends the header; each answer is attributed to a version."""
        return httpx.Client(
            base_url=self.base_url, headers=self.header, transport=_SpreadingTransport(self._pools, self.header)
        )

    def stable_client(self) -> httpx.Client:
        """A new client that does not send the header; its requests count as baseline."""
        return httpx.Client(base_url=self.base_url, transport=_SpreadingTransport(self._pools, {}))

    def close(self) -> None:
        """Close the connections that all clients share."""
        self._pools.close()


class _Pools:
    """A pool of connections for each replica, and one for other hosts; all clients share them."""

    def __init__(self, endpoints: GatewayEndpoints, marking: Marking) -> None:
        context = httpx.create_ssl_context()
        self._address = marking.address
        self._host = endpoints.host
        self._replicas = {url: httpx.HTTPTransport(verify=context) for url in endpoints.urls}
        self._others = httpx.HTTPTransport(verify=context)
        self._next = itertools.cycle(endpoints.urls)
        self._base = httpx.URL(endpoints.base_url)

    def is_gateway(self, url: httpx.URL) -> bool:
        """Whether a URL is the public one, or that of a replica."""
        return self._address.is_gateway(url.host, url.port or {"https": 443}.get(url.scheme, 80))

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request for the base URL to the next replica. Raises httpx.TransportError, as every transport does."""
        if (request.url.scheme, request.url.netloc) != (self._base.scheme, self._base.netloc):
            return self._others.handle_request(request)
        replica = next(self._next)
        sent = request
        if not self._address.has_name:
            url, headers = httpx.URL(replica), httpx.Headers(request.headers)
            if headers["host"] == self._base.netloc.decode():
                headers["host"] = self._host or url.netloc.decode()
            sent = httpx.Request(
                request.method,
                request.url.copy_with(scheme=url.scheme, host=url.host, port=url.port),
                headers=headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        with led_to(replica):
            return self._replicas[replica].handle_request(sent)

    def close(self) -> None:
        """Close all connections."""
        for pool in (*self._replicas.values(), self._others):
            pool.close()


class _SpreadingTransport(httpx.BaseTransport):
    """Sends each request to the next replica, with the header if it is `mark`.

    The header goes to no other host, also not after a redirect. Closing a client does not close the connections.
    """

    def __init__(self, pools: _Pools, mark: dict[str, str]) -> None:
        self._pools = pools
        self._mark = mark

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises httpx.TransportError, as every transport does."""
        if not self._pools.is_gateway(request.url):
            headers = httpx.Headers([pair for pair in request.headers.raw if not self._is_mark(*pair)])
            return self._pools.send(
                httpx.Request(
                    request.method,
                    request.url,
                    headers=headers,
                    stream=request.stream,
                    extensions=request.extensions,
                )
            )
        with contextlib.nullcontext() if self._mark else unmarked():
            return self._pools.send(request)

    def _is_mark(self, name: bytes, value: bytes) -> bool:
        return any((name.lower(), value) == (one.lower().encode(), self._mark[one].encode()) for one in self._mark)
