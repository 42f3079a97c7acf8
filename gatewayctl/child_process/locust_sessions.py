"""Makes a session of locust send to the gateway as its user is assigned, for both kinds of sessions.

Each request of a redirect chain is looked at by itself. One that goes to the gateway gets the header and reaches the
assigned replica under the gateway's public name. One that goes to somebody else (a login page) gets nothing of ours,
and what a stranger answers is not counted.
"""

import contextlib
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from gatewayctl.child_process.gateway_address import GatewayAddress, address_of, led_to
from gatewayctl.child_process.load_stats import CohortStats
from gatewayctl.domain.smoke import GatewayEndpoints

Headers = MutableMapping[str, str]


@dataclass(frozen=True, slots=True)
class Assignment:
    """How one user sends: to the replica at `url`, with the header if `marked`; `next_stats` gives counts to use."""

    next_stats: Callable[[], CohortStats]
    marked: bool
    url: str


class GatewaySessions:
    """Knows what is the gateway, and changes sessions."""

    def __init__(self, endpoints: GatewayEndpoints) -> None:
        self._header, self._host = endpoints.header, endpoints.host
        self._address = GatewayAddress(endpoints)
        self._urls, self._base_url = endpoints.urls, endpoints.base_url
        # Most URLs begin with one of these, which is looked up faster than host and port.
        self._public = () if self._base_url in self._urls else _prefixes(self._base_url)
        self._prefixes = self._public + tuple(prefix for url in self._urls for prefix in _prefixes(url))

    def is_gateway(self, url: str) -> bool:
        """Whether a URL is of the gateway: its public name, or one of its replicas."""
        if url.startswith(self._prefixes):
            return True
        try:
            return self._address.is_gateway(*address_of(url))
        except ValueError:  # no URL at all
            return False

    def assign(self, session: Any, assignment: Assignment) -> None:
        """Make a session send as `assignment` says."""
        base = session.base_url or ""
        if not self._public and base.startswith(self._base_url):  # no name that could lead to the replica
            session.base_url = assignment.url + base.removeprefix(self._base_url)
        if hasattr(session, "prepare_request"):
            self._change_requests(session, assignment)
        else:
            self._change_fasthttp(session.client, assignment)

    def _change_requests(self, session: Any, assignment: Assignment) -> None:
        send = session.send

        def send_as_assigned(request: Any, **options: Any) -> Any:
            if self.is_gateway(request.url):
                self._add_headers(request.url, request.headers, assignment)
            else:
                self._remove_headers(request.headers)
            with self._led_to(assignment.url):
                return send(request, **options)

        session.send = send_as_assigned

    def _change_fasthttp(self, agent: Any, assignment: Assignment) -> None:
        send = agent._urlopen  # called for each request of a redirect chain

        def send_as_assigned(request: Any) -> Any:
            is_ours = self.is_gateway(request.url)
            if is_ours:
                self._add_headers(request.url, request.headers, assignment)
            else:
                self._remove_headers(request.headers)
            with self._led_to(assignment.url):
                answer = send(request)
            if is_ours and answer.status_code in agent.redirect_response_codes:
                request.gatewayctl_redirect = answer  # the chain has one request, which is changed on its way
            return answer

        agent._urlopen = send_as_assigned

    def _add_headers(self, url: str, headers: Headers, assignment: Assignment) -> None:
        if assignment.marked:
            headers.setdefault(self._header.name, self._header.value)
        if self._host and not url.startswith(self._public):
            headers.setdefault("Host", self._host)

    def _remove_headers(self, headers: Headers) -> None:
        for name, value in ((self._header.name, self._header.value), ("Host", self._host)):
            if headers.get(name) == value:
                del headers[name]

    def _led_to(self, replica: str) -> contextlib.AbstractContextManager[None]:
        return led_to(replica) if self._public else contextlib.nullcontext()

    def answered_part(self, meta: dict[str, Any]) -> dict[str, Any] | None:
        """What the gateway did of a request, as arguments of locust's event; None if it did nothing.

        A redirect may lead to a stranger. Then the gateway's own answer is the redirect, whose time is not known.
        """
        url, response = meta["url"], meta["response"]
        if not self.is_gateway(url):
            return None
        last = url if response is None else _last_url(response)
        if last is url or not last or self.is_gateway(last):
            return meta
        redirect = _first_answer(response)
        return {**meta, "response": redirect, "exception": None, "response_time": None} if redirect else None


def _prefixes(url: str) -> tuple[str, ...]:
    return tuple(url.rstrip("/") + end for end in ("/", "?"))


def _last_url(response: Any) -> Any:
    """The URL of the last request of a redirect chain, also if it had no answer; empty if it is not known.

    The request of an error goes first: FastHttpUser makes up another one for the response then.
    """
    error = getattr(response, "error", None)
    request = getattr(error, "request", None) or getattr(response, "request", None)
    return request.url or "" if request else ""


def _first_answer(response: Any) -> Any:
    """The first answer of a redirect chain; None if it is not known."""
    history = getattr(response, "history", None)
    if history:
        return history[0]
    requests = (getattr(getattr(response, "error", None), "request", None), getattr(response, "request", None))
    return next(filter(None, (getattr(request, "gatewayctl_redirect", None) for request in requests)), None)
