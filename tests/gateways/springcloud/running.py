"""Real Spring Cloud Gateways on loopback that read their file from a mounted folder."""

import http.client
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import STAMP_HEADER, SourceFile
from gatewayctl.gateways.springcloud.jvm_command import command
from tests.gateways import loopback
from tests.gateways.config_map_mount import ConfigMapMount
from tests.gateways.envoy.running import NET, NamedUpstream, running_upstreams
from tests.gateways.loopback import free_port, send, stop_process
from tests.gateways.springcloud.product import gateway_jar

HOSTS = (f"{NET}.21", f"{NET}.22")


def until(condition: Callable[[], object], what: str) -> None:
    """As for the other gateways, but a JVM on a busy machine needs more time."""
    loopback.until(condition, what, timeout=120.0)


def get(replica: Replica, path: str) -> str:
    """GET from the management port, as the adapter does."""
    return _ask_management(replica, path, "GET")


def post(replica: Replica, path: str) -> str:
    """POST to the management port, as the adapter does."""
    return _ask_management(replica, path, "POST", ("content-length", "0"))


def _ask_management(replica: Replica, path: str, method: str, *headers: tuple[str, str]) -> str:
    try:
        answer = send(replica.admin, path, *headers, method=method)
    except OSError as fault:
        raise EnvironmentFailed(f"{replica.admin}: {fault}") from fault
    if answer.status != http.HTTPStatus.OK:
        raise EnvironmentFailed(f"{replica.admin}{path} answers {answer.status}: {answer.body[:200]}")
    return answer.body


def ask(replica: Replica, path: str, *headers: tuple[str, str]) -> tuple[int, str, str]:
    """One request of a client: the status, the body, and the stamp."""
    answer = send(replica.traffic, path, *headers)
    return answer.status, answer.body, answer.header(STAMP_HEADER)


class RunningGateways:
    """Two replicas that read one file, two upstreams, and whatever the file says."""

    def __init__(self, folder: Path, version: str, stable: NamedUpstream, canary: NamedUpstream) -> None:
        self.version, self.stable, self.canary = version, stable, canary
        self.mount = ConfigMapMount(folder / "config")
        self.file = "routes.yml"
        self.publish(self.first())
        self.replicas: list[Replica] = []
        self._jar, self._folder = gateway_jar(version), folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def first(self) -> str:
        """A file to start with."""
        return f"spring.cloud.gateway.server.webflux.routes:\n{self.route('orders', '/api/orders/**')}"

    def route(self, name: str, path: str, *more: str) -> str:
        """A route to stable; `more` are lines of it."""
        uri = f"http://{self.stable.host}:{self.stable.port}"
        lines = "".join(f"  {line}\n" for line in more)
        return f"- id: {name}\n  uri: {uri}\n{lines}  predicates:\n  - Path={path}\n"

    def publish(self, text: str) -> tuple[SourceFile]:
        """Replace the file."""
        files = (SourceFile(self.file, text),)
        self.mount.publish(files)
        return files

    def refresh(self) -> list[str]:
        """Make every replica read it; gives what each answers, errors too."""
        answers = []
        for replica in self.replicas:
            try:
                answers.append(post(replica, "/actuator/refresh"))
            except EnvironmentFailed as fault:
                answers.append(str(fault))
        return answers

    def start(self) -> None:
        """Both, side by side."""
        for number, host in enumerate(HOSTS):
            self._start(number, host)
        for replica, process in zip(self.replicas, self._processes, strict=True):
            until(lambda r=replica, p=process: self._is_up(r, p), f"{replica.name} to start")

    def _start(self, number: int, host: str) -> None:
        traffic, admin = free_port(host), free_port(host)
        environment = {
            **os.environ,
            "HOST": host,
            "PORT": str(traffic),
            "ADMIN_PORT": str(admin),
            "ROUTES_FILE": str(self.mount.folder / self.file),
        }
        log = self._folder / f"log-{number}"
        with log.open("wb") as output:
            process = subprocess.Popen(command(self._jar), env=environment, stdout=output, stderr=subprocess.STDOUT)
        self._processes.append(process)
        self.replicas.append(Replica(f"gw-{number}", f"{host}:{traffic}", f"{host}:{admin}"))

    def _is_up(self, replica: Replica, process: "subprocess.Popen[bytes]") -> bool:
        assert process.poll() is None, (self._folder / f"log-{replica.name[-1]}").read_text()[-3000:]
        try:
            return get(replica, "/actuator/health").startswith("{")
        except EnvironmentFailed:
            return False

    def log(self, number: int) -> str:
        """What a replica wrote."""
        return (self._folder / f"log-{number}").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End both."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            stop_process(process)


@contextmanager
def running_gateways(folder: Path, version: str) -> Iterator[RunningGateways]:
    """Two running gateways of a version."""
    with running_upstreams(f"{NET}.31", f"{NET}.32") as (stable, canary):
        running = RunningGateways(folder, version, stable, canary)
        try:
            running.start()
            yield running
        finally:
            running.stop()


class Load:
    """Requests to every replica, one after the other, until the block ends; `failed` are those not answered by 200.

    `bodies` are those of the others.
    """

    def __init__(self, replicas: list[Replica], path: str, *headers: tuple[str, str]) -> None:
        self.count, self.failed, self.bodies = 0, list[str](), set[str]()
        self._headers = headers
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(one, path), daemon=True) for one in replicas]

    def _run(self, replica: Replica, path: str) -> None:
        while not self._stopped.is_set():
            try:
                status, body, _ = ask(replica, path, *self._headers)
            except (OSError, http.client.HTTPException) as fault:
                status, text = 0, repr(fault)
            else:
                text = str(status)
                self.bodies |= {body} if status == http.HTTPStatus.OK else set()
            self.count += 1
            if status != 200:
                self.failed.append(text)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
