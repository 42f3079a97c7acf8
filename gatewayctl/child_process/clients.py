"""HTTP clients for tests: marked or deliberately not, their requests spread over the gateway's replicas."""

import itertools

import httpx

from gatewayctl.child_process.marking import Marking, unmarked
from gatewayctl.domain.smoke import GatewayEndpoints


class Gateway:
    """What a test may know of the gateway: `base_url` (its first replica), all `urls`, `host`, the `header` that marks
    a request, and the `release` that stamps the canary's answers."""

    def __init__(self, endpoints: GatewayEndpoints, marking: Marking) -> None:
        self.base_url = endpoints.urls[0]
        self.urls = endpoints.urls
        self.host = endpoints.host
        self.header = {endpoints.header.name: endpoints.header.value}
        self.release = endpoints.attribution.stamp
        self.unmarked = unmarked
        self._marking = marking
        self._transport = httpx.HTTPTransport()
        self._turns = itertools.cycle(endpoints.urls)

    def client(self) -> httpx.Client:
        """A new client whose requests are marked; each answer is attributed."""
        return self._client(self.header)

    def stable_client(self) -> httpx.Client:
        """A new client whose requests are not marked; they count as baseline."""
        client = self._client({})
        self._marking.exempt(client)
        return client

    def _client(self, headers: dict[str, str]) -> httpx.Client:
        host = {"Host": self.host} if self.host else {}
        spread = _Spread(self._transport, self.base_url, self._turns)
        return httpx.Client(base_url=self.base_url, headers={**host, **headers}, transport=spread)

    def close(self) -> None:
        """End the connections that all clients share."""
        self._transport.close()


class _Spread(httpx.BaseTransport):
    """Sends each request for the first replica to the next one in turn.

    Above the transport all is one origin, so a client's cookies hold for every replica. Closing a client leaves the
    connections to the others.
    """

    def __init__(self, inner: httpx.HTTPTransport, origin: str, turns: "itertools.cycle[str]") -> None:
        self._inner = inner
        self._origin = _origin(httpx.URL(origin))
        self._turns = turns

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange; raises httpx.TransportError as any transport does."""
        if _origin(request.url) != self._origin:
            return self._inner.handle_request(request)
        replica = next(self._turns)
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
