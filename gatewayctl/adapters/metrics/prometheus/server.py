"""The HTTP API of Prometheus, and of what answers as it does (Thanos, Mimir, VictoriaMetrics).

Documented as "HTTP API" of Prometheus. A query is sent as a GET: proxies that decide by verb let a reader send it. The
token is read from its file for each request, because such files are renewed, and is in no message.
"""

import math
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from gatewayctl.adapters.http import fetch
from gatewayctl.adapters.metrics.prometheus.answer import BadAnswer, Series, error_of, read_answer
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Tls
from gatewayctl.domain.prometheus import PrometheusSpec, is_selector

_LONGEST_TOKEN = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """Asks one server."""

    spec: PrometheusSpec

    def select(self, selector: str) -> tuple[Series, ...]:
        """The series of a selector with their raw samples of a little more than `stale` seconds.

        More, so that queries sent one after the other have the samples at the end of that time in common. Raises
        EnvironmentFailed.
        """
        return self._ask(f"{selector}[{_seconds(self.spec.stale + self.spec.timeout)}]")

    def evaluate(self, query: str) -> tuple[Series, ...]:
        """What a query is now, of samples not older than `stale` seconds. Raises EnvironmentFailed."""
        return self.select(query) if is_selector(query) else self._ask(query)

    def _ask(self, query: str) -> tuple[Series, ...]:
        # Without lookback_delta an expression takes samples of the last five minutes for the present.
        asked = urlencode(
            {"query": query, "lookback_delta": _seconds(self.spec.stale), "timeout": f"{self.spec.timeout:g}s"}
        )
        tls = Tls(ca=self.spec.ca) if self.spec.url.startswith("https://") else None
        url = f"{self.spec.url}/api/v1/query"
        answer = fetch(f"{url}?{asked}", self._headers(), tls=tls, timeout=self.spec.timeout)
        if answer.status != HTTPStatus.OK:
            said = error_of(answer.body)
            raise EnvironmentFailed(f"{url} answers {answer.status}{f': {said}' if said else ''}")
        try:
            return read_answer(answer.body)
        except BadAnswer as fault:
            raise EnvironmentFailed(f"{url}: {fault}") from fault

    def _headers(self) -> tuple[tuple[str, str], ...]:
        accepts = ("accept", "application/json")
        if not self.spec.token_file:
            return (accepts,)
        try:
            with Path(self.spec.token_file).open("rb") as file:
                token = file.read(_LONGEST_TOKEN + 1).strip()
        except OSError as fault:
            raise EnvironmentFailed(f"the token file {self.spec.token_file} cannot be read: {fault.strerror}") from None
        if not token or len(token) > _LONGEST_TOKEN or not all(0x21 <= byte <= 0x7E for byte in token):
            raise EnvironmentFailed(f"the file {self.spec.token_file} does not hold one token")
        return (accepts, ("authorization", f"Bearer {token.decode('ascii')}"))


def _seconds(seconds: float) -> str:
    return f"{math.ceil(seconds)}s"
