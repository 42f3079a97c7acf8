"""A server on loopback that answers as Prometheus does, and a release that is judged by it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gatewayctl.domain.judge.rule_text import parse_rule
from gatewayctl.domain.judge.rules import RuleSet
from gatewayctl.domain.judge.settings import Settings
from gatewayctl.domain.prometheus import CounterQueries
from gatewayctl.domain.ramp import Judging, Ramp, Undecided
from gatewayctl.domain.release import Release
from tests.contract.releases import a_release

NOW = 1_800_000_000.0

QUERIES = CounterQueries(
    requests='requests_total{app="$service"}',
    error_label="code",
    error_values="5..",
    seconds='request_seconds_sum{app="$service"}',
    buckets='request_seconds_bucket{app="$service"}',
)


def judged_by(*rules: str) -> Release:
    """A release at 10 % whose ramp is judged by Prometheus, and fails by these rules."""
    settings = Settings(rules=RuleSet(fail=tuple(map(parse_rule, rules))))
    ramp = Ramp(judging=Judging("prometheus", settings, Undecided.FAIL))
    release = a_release()
    return replace(release, share=10, trial=replace(release.trial, ramp=ramp))


@dataclass
class Told:
    """What the server answers: the series of each metric, or in `texts` a whole body in their place.

    `asked` are the queries so far, `tokens` the headers with the token.
    """

    series: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[str, str | bytes] = field(default_factory=dict)
    status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)

    def count(self, metric: str, value: object, at: float = NOW, **labels: str) -> None:
        """A series with one sample more; `app`, `instance` and others are its labels."""
        labels = {"__name__": metric, "job": "shop", "instance": "a:1", **labels}
        found = next((one for one in self.series if one["metric"] == labels), None)
        if found is None:
            found = {"metric": labels, "values": []}
            self.series.append(found)
        found["values"].append([at, str(value)])

    def answer(self, query: str) -> str | bytes:
        """The body for a query: of a selector the series of that metric and application."""
        metric, _, rest = query.partition("{")
        if (text := self.texts.get(metric)) is not None:
            return text
        app = rest.partition('app="')[2].partition('"')[0]
        found = [one for one in self.series if one["metric"]["__name__"] == metric and one["metric"]["app"] == app]
        return matrix(found)


def matrix(series: list[dict[str, Any]]) -> str:
    """The body of an answer with raw samples."""
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}})


def vector(*values: str, at: float = NOW) -> str:
    """The body of an answer with one series for each value."""
    result = [{"metric": {"n": str(number)}, "value": [at, value]} for number, value in enumerate(values)]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def both(told: Told, requests: Mapping[str, float], at: float = NOW, instance: str = "a:1") -> None:
    """So many requests of each application, one in ten of them failed; all of them within 100 ms."""
    for app, count in requests.items():
        told.count("requests_total", count * 0.9, at, app=app, code="200", instance=instance)
        told.count("requests_total", count * 0.1, at, app=app, code="503", instance=instance)
        told.count("request_seconds_sum", count * 0.05, at, app=app, instance=instance)
        for edge in ("0.1", "1", "+Inf"):
            told.count("request_seconds_bucket", count, at, app=app, le=edge, instance=instance)


@contextmanager
def serving(told: Told) -> Iterator[str]:
    """The URL of a server that answers as `told`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(told))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(told: Told) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            told.asked.append({"path": urlsplit(self.path).path, **asked})
            told.tokens.append(self.headers["authorization"])
            text = told.answer(asked["query"])
            body = text if isinstance(text, bytes) else text.encode()
            self.send_response(told.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # who asked has read enough

        def log_message(self, *_: object) -> None:
            """Tests show requests in `asked`."""

    return Handler
