"""HTTP clients for tests, with the header or without, which send to all replicas of the gateway in turn."""

import itertools

import httpx

from gatewayctl.child_process.marking import Marking, unmarked
from gatewayctl.domain.smoke import GatewayEndpoints


class SuiteGateway:
    """The fixture `gw`.

    It has `base_url` (the URL of the first replica), `urls` (of all replicas), `host`, the `header` that marks a
    request for the canary, and `release`, which the gateway adds to the canary's answers.
    """

    def __init__(self, endpoints: GatewayEndpoints, marking: Marking) -> None:
        self.base_url = endpoints.urls[0]
        self.urls = endpoints.urls
        self.host = endpoints.host
        self.header = {endpoints.header.name: endpoints.header.value}
        self.release = endpoints.attribution.stamp
        self.unmarked = unmarked
        self._marking = marking
        self._transport = httpx.HTTPTransport()
        self._next_url = itertools.cycle(endpoints.urls)

    def client(self) -> httpx.Client:
        """A new client that sends the header; each answer is attributed to a version."""
        return self._client(self.header)

    def stable_client(self) -> httpx.Client:
        """A new client that does not send the header; its requests count as baseline."""
        client = self._client({})
        self._marking.exempt(client)
        return client

    def _client(self, headers: dict[str, str]) -> httpx.Client:
        host = {"Host": self.host} if self.host else {}
        spread = _RoundRobinTransport(self._transport, self.base_url, self._next_url)
        return httpx.Client(base_url=self.base_url, headers={**host, **headers}, transport=spread)

    def close(self) -> None:
        """Close the connections that all clients share."""
        self._transport.close()


class _RoundRobinTransport(httpx.BaseTransport):
    """Sends each request for the first replica to the next replica in turn.

    For the client all replicas are one origin, so its cookies are sent to each of them. Closing a client does not close
    the connections, which other clients use too.
    """

    def __init__(self, inner: httpx.HTTPTransport, origin: str, urls: "itertools.cycle[str]") -> None:
        self._inner = inner
        self._origin = _origin(httpx.URL(origin))
        self._next_url = urls

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises httpx.TransportError, as every transport does."""
        if _origin(request.url) != self._origin:
            return self._inner.handle_request(request)
        replica = next(self._next_url)
        scheme, host, port = _origin(httpx.URL(replica))
        sent = httpx.Request(
            request.method,
            request.url.copy_with(scheme=scheme, host=host, port=port),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        response = self._inner.handle_request(sent)
        response.extensions["gatewayctl_replica"] = replica
        return response


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
