"""A real Envoy on loopback, fed from a folder that is swapped as a ConfigMap mount is; and two tiny upstreams."""

import http.client
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import STAMP_HEADER, Files, SourceFile
from gatewayctl.gateways.envoy.checker import find_envoy

PATIENCE = 20.0  # seconds
# A net of our own on loopback, so that runs beside each other do not meet.
NET = f"127.{60 + os.getpid() % 60}.{os.getpid() // 60 % 250}"


def until(condition: Callable[[], object], what: str) -> None:
    """Return once `condition` holds; fail after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what}"
        time.sleep(0.02)


def free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Upstream:
    """Answers every request with its own name; `/slow` only when `go` is set."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self.host, self.port, self.go = host, port, threading.Event()
        go = self.go

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path.endswith("/slow"):
                    go.wait(PATIENCE)
                body = name.encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                pass

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Mount:
    """A folder as the kubelet mounts a ConfigMap: names are links through `..data`, which is swapped."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._number = folder, 0
        folder.mkdir()

    def publish(self, files: Files) -> None:
        self._number += 1
        fresh = self.folder / f"..{self._number}"
        fresh.mkdir()
        for file in files:
            (fresh / file.name).write_text(file.text, encoding="utf-8")
            if not (self.folder / file.name).is_symlink():
                (self.folder / file.name).symlink_to(f"..data/{file.name}")
        link = self.folder / "..new"
        link.symlink_to(fresh.name)
        link.rename(self.folder / "..data")


class Gateway:
    """One running Envoy."""

    def __init__(self, folder: Path, files: Files, port: int) -> None:
        self.mount = Mount(folder / "xds")
        self.mount.publish(files)
        self.host, self.port, self.admin_port = f"{NET}.10", port, free_port(f"{NET}.11")
        bootstrap = folder / "envoy.yaml"
        bootstrap.write_text(self._bootstrap({file.name for file in files}), encoding="utf-8")
        command = [find_envoy(), "-c", str(bootstrap), "--concurrency", "1", "--disable-hot-restart"]
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [*command, "--log-level", "warning", "--drain-time-s", "600"], stdout=self._log, stderr=subprocess.STDOUT
        )
        self.replica = Replica("gw-0", f"{self.host}:{self.port}", f"{NET}.11:{self.admin_port}")

    def admin(self, replica: Replica, path: str) -> str:
        """GET from the admin port, as the adapter does."""
        connection = http.client.HTTPConnection(replica.admin, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
        except OSError as fault:
            raise EnvironmentFailed(str(fault)) from fault
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise EnvironmentFailed(f"{answer.status} for {path}: {text}")
        return text

    def ready(self) -> bool:
        assert self._process.poll() is None, Path(self._log.name).read_text()
        try:
            return "LIVE" in self.admin(self.replica, "/ready") and self.ask("/")[0] != 0
        except EnvironmentFailed:
            return False

    def ask(self, path: str, *headers: tuple[str, str]) -> tuple[int, str, str]:
        """Status, body and stamp of one GET; headers may repeat. Status 0: no answer."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.putrequest("GET", path)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.getheader(STAMP_HEADER, "")
        except OSError:
            return 0, "", ""
        finally:
            connection.close()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _source(self, name: str) -> str:
        path = self.mount.folder
        return f"{{ path_config_source: {{ path: {path / name}, watched_directory: {{ path: {path} }} }} }}"

    def _bootstrap(self, names: set[str]) -> str:
        sources = "".join(
            f"  {kind}_config: {self._source(f'{kind}.yaml')}\n" for kind in ("lds", "cds") if f"{kind}.yaml" in names
        )
        listeners = "" if "lds.yaml" in names else self._listener()
        return (
            "node: { id: gw, cluster: gw }\n"
            f"admin: {{ address: {{ socket_address: {{ address: {NET}.11, port_value: {self.admin_port} }} }} }}\n"
            f"dynamic_resources:\n{sources}{listeners}"
        )

    def _listener(self) -> str:
        rds = f"          rds: {{ route_config_name: shop, config_source: {self._source('rds.yaml')} }}\n"
        text = listener_lines(self.host, self.port, rds)
        return "static_resources:\n  listeners:\n" + text


def listener_lines(host: str, port: int, routing: str) -> str:
    """A listener as an item of a list at the first indentation."""
    kind = "type.googleapis.com/envoy.extensions.filters"
    return (
        "  - name: http\n"
        f"    address: {{ socket_address: {{ address: {host}, port_value: {port} }} }}\n"
        "    filter_chains:\n"
        "    - filters:\n"
        "      - name: http\n"
        "        typed_config:\n"
        f'          "@type": {kind}.network.http_connection_manager.v3.HttpConnectionManager\n'
        "          stat_prefix: http\n"
        "          http_filters:\n"
        "          - name: envoy.filters.http.router\n"
        f'            typed_config: {{ "@type": {kind}.http.router.v3.Router }}\n' + routing
    )


@contextmanager
def gateway(folder: Path, files: Files, port: int = 0) -> Iterator[Gateway]:
    """An Envoy that serves `files`, ready; stopped afterwards."""
    running = Gateway(folder, files, port or free_port(f"{NET}.10"))
    try:
        until(running.ready, "Envoy to be ready")
        yield running
    finally:
        running.stop()


@contextmanager
def upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    """Stable and canary, on two addresses and one port."""
    stable_host, canary_host = f"{NET}.1", f"{NET}.2"
    port = free_port(stable_host)
    stable, canary = Upstream("stable", stable_host, port), Upstream("canary", canary_host, port)
    try:
        yield stable, canary
    finally:
        stable.stop()
        canary.stop()


def static_cluster(name: str, host: str, port: int) -> SourceFile:
    """A CDS file with one cluster of one address."""
    return SourceFile(
        "cds.yaml",
        'resources:\n- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\n'
        f"  name: {name}\n  type: STATIC\n  connect_timeout: 1s\n  load_assignment:\n    cluster_name: {name}\n"
        "    endpoints:\n    - lb_endpoints:\n      - endpoint: { address: { socket_address: "
        f"{{ address: {host}, port_value: {port} }} }} }}\n",
    )
