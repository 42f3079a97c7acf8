"""Real Spring Cloud Gateways on loopback, fed from a folder that is swapped as a ConfigMap mount is."""

import http.client
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import STAMP_HEADER, SourceFile
from gatewayctl.gateways.springcloud.jvm_command import command
from tests.gateways.envoy.running import NET, Mount, Upstream, free_port
from tests.gateways.springcloud.product import gateway_jar

PATIENCE = 120.0  # seconds; a JVM on a busy machine takes its time
HOSTS = (f"{NET}.21", f"{NET}.22")


def until(condition: Callable[[], object], what: str) -> None:
    """Return once `condition` holds; fail after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what}"
        time.sleep(0.02)


def _ask(address: str, method: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request(method, path, headers={"content-length": "0"} if method == "POST" else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError as fault:
        raise EnvironmentFailed(f"{address}: {fault}") from fault
    finally:
        connection.close()


def get(replica: Replica, path: str) -> str:
    """GET from the management port, as the adapter does."""
    status, text = _ask(replica.admin, "GET", path)
    if status != 200:
        raise EnvironmentFailed(f"{replica.admin}{path} answers {status}: {text[:200]}")
    return text


def post(replica: Replica, path: str) -> str:
    """POST to the management port, as the adapter does."""
    status, text = _ask(replica.admin, "POST", path)
    if status != 200:
        raise EnvironmentFailed(f"{replica.admin}{path} answers {status}: {text[:200]}")
    return text


def asked(replica: Replica, path: str, *headers: tuple[str, str]) -> tuple[int, str, str]:
    """One request as a client's: the status, the body, and the stamp."""
    connection = http.client.HTTPConnection(replica.traffic, timeout=30)
    try:
        connection.putrequest("GET", path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader(STAMP_HEADER, "")
    finally:
        connection.close()


class Gateways:
    """Two replicas that read one file, two upstreams, and whatever the file says."""

    def __init__(self, folder: Path, version: str, stable: Upstream, canary: Upstream) -> None:
        self.version, self.stable, self.canary = version, stable, canary
        self.mount = Mount(folder / "config")
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
        """Swap the file in."""
        files = (SourceFile(self.file, text),)
        self.mount.publish(files)
        return files

    def refresh(self) -> list[str]:
        """Tell every replica to read it; what each answers, a refusal included."""
        said = []
        for replica in self.replicas:
            try:
                said.append(post(replica, "/actuator/refresh"))
            except EnvironmentFailed as fault:
                said.append(str(fault))
        return said

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
        with log.open("wb") as sink:
            process = subprocess.Popen(command(self._jar), env=environment, stdout=sink, stderr=subprocess.STDOUT)
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
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)


@contextmanager
def gateways(folder: Path, version: str) -> Iterator[Gateways]:
    """Two running gateways of a version."""
    port = free_port(f"{NET}.31")
    stable, canary = Upstream("stable", f"{NET}.31", port), Upstream("canary", f"{NET}.32", port)
    made = Gateways(folder, version, stable, canary)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        stable.stop()
        canary.stop()


class Load:
    """Requests to every replica, one after the other, until told to stop; what was not answered by 200."""

    def __init__(self, replicas: list[Replica], path: str) -> None:
        self.count, self.failed = 0, list[str]()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(one, path), daemon=True) for one in replicas]

    def _run(self, replica: Replica, path: str) -> None:
        while not self._over.is_set():
            try:
                status, _, _ = asked(replica, path)
            except (OSError, http.client.HTTPException) as fault:
                status, text = 0, repr(fault)
            else:
                text = str(status)
            self.count += 1
            if status != 200:
                self.failed.append(text)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
