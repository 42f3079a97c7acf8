"""A real Envoy on loopback that reads its files from a mounted folder, and two upstreams."""

import http
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import STAMP_HEADER, Files, SourceFile
from gatewayctl.gateways.envoy.checker import find_envoy
from gatewayctl.gateways.envoy.readback import EnvoyReadback
from tests.gateways.config_map_mount import ConfigMapMount
from tests.gateways.loopback import TIMEOUT, Request, Response, Upstream, free_port, network, send, stop_process, until

NET = network(60)


class NamedUpstream(Upstream):
    """Answers every request with its name; a path that ends with `/slow` only when `go` is set."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self.go = go = threading.Event()

        def respond(request: Request) -> Response:
            if request.path.endswith("/slow"):
                go.wait(TIMEOUT)
            return Response(name)

        super().__init__(host, port, respond)

    def stop(self) -> None:
        self.go.set()
        super().stop()


class RunningEnvoy:
    """One running Envoy."""

    def __init__(self, folder: Path, files: Files, port: int) -> None:
        self.mount = ConfigMapMount(folder / "xds")
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
        try:
            answer = send(replica.admin, path)
        except OSError as fault:
            raise EnvironmentFailed(str(fault)) from fault
        if answer.status != http.HTTPStatus.OK:
            raise EnvironmentFailed(f"{answer.status} for {path}: {answer.body}")
        return answer.body

    def is_ready(self) -> bool:
        assert self._process.poll() is None, Path(self._log.name).read_text()
        try:
            return "LIVE" in self.admin(self.replica, "/ready") and self.ask("/")[0] != 0
        except EnvironmentFailed:
            return False

    def ask(self, path: str, *headers: tuple[str, str]) -> tuple[int, str, str]:
        """Status, body and stamp of one GET; headers may repeat. Status 0: no answer."""
        try:
            answer = send(f"{self.host}:{self.port}", path, *headers)
        except OSError:
            return 0, "", ""
        return answer.status, answer.body, answer.header(STAMP_HEADER)

    def stop(self) -> None:
        stop_process(self._process)
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
def running_envoy(folder: Path, files: Files, port: int = 0) -> Iterator[RunningEnvoy]:
    """An Envoy that serves `files`, ready; stopped afterwards."""
    running = RunningEnvoy(folder, files, port or free_port(f"{NET}.10"))
    try:
        until(running.is_ready, "Envoy to be ready")
        yield running
    finally:
        running.stop()


@contextmanager
def running_upstreams(stable_host: str, canary_host: str) -> Iterator[tuple[NamedUpstream, NamedUpstream]]:
    """Stable and canary, on two addresses and one port."""
    port = free_port(stable_host)
    stable, canary = NamedUpstream("stable", stable_host, port), NamedUpstream("canary", canary_host, port)
    try:
        yield stable, canary
    finally:
        stable.stop()
        canary.stop()


def publish_stages(running, files, change, awaited=""):
    """The stages of a change, one after the other, as a release publishes them: the last when `awaited` is known."""
    live = EnvoyReadback(running.admin)
    for stage in change.stages:
        if awaited and stage is change.stages[-1]:
            until(lambda: live.upstream_ready(running.replica, awaited).endpoints, f"{awaited} to be known")
        named = {file.name: file for file in stage}
        files = tuple(named.get(file.name, file) for file in files)
        running.mount.publish(files)
    return files


def static_cluster(name: str, host: str, port: int) -> SourceFile:
    """A CDS file with one cluster of one address."""
    return SourceFile(
        "cds.yaml",
        'resources:\n- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\n'
        f"  name: {name}\n  type: STATIC\n  connect_timeout: 1s\n  load_assignment:\n    cluster_name: {name}\n"
        "    endpoints:\n    - lb_endpoints:\n      - endpoint: { address: { socket_address: "
        f"{{ address: {host}, port_value: {port} }} }} }}\n",
    )
