"""A real Prometheus on loopback, and a small exporter that it scrapes."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from gatewayctl.adapters.http import fetch
from gatewayctl.domain.errors import EnvironmentFailed
from tests.gateways.loopback import free_port, until

needs_prometheus = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="no real Prometheus here: apt-get install prometheus"
)


@dataclass
class Exporter:
    """Tells the `lines` of its page; `scraped` is how often it was asked."""

    lines: list[str] = field(default_factory=list)
    scraped: int = 0

    @contextmanager
    def listening(self, port: int) -> Iterator[None]:
        """The exporter, at a port of loopback."""
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                exporter.scraped += 1
                body = "".join(f"{line}\n" for line in exporter.lines).encode()
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def tell(self, app: str, good: float, bad: float) -> None:
        """So many requests of an application, all within 100 ms."""
        labels = f'app="{app}"'
        self.lines += [
            f'requests_total{{{labels},code="200"}} {good}',
            f'requests_total{{{labels},code="503"}} {bad}',
            f"request_seconds_sum{{{labels}}} {(good + bad) / 20}",
            *(f'request_seconds_bucket{{{labels},le="{edge}"}} {good + bad}' for edge in ("0.1", "1", "+Inf")),
            f"sold{{{labels}}} {good / 100}",
        ]


@contextmanager
def running_prometheus(folder: Path, target: int) -> Iterator[str]:
    """The URL of a Prometheus that scrapes a port of loopback every second."""
    port = free_port("127.0.0.1")
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
    )
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        try:
            until(lambda: _is_ready(url), "Prometheus to be ready")
            yield url
        finally:
            process.terminate()


def _is_ready(url: str) -> bool:
    try:
        return fetch(f"{url}/-/ready").status == 200
    except EnvironmentFailed:
        return False
