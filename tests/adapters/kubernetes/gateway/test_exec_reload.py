"""A Pod's nginx is made to load its files: a real nginx, and this machine as its container."""

import json
import re
import shutil
import socketserver
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from gatewayctl.adapters.files.processes import find_children, read_title
from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.watch import WatchedList
from gatewayctl.adapters.kubernetes.gateway.exec import execute
from gatewayctl.adapters.kubernetes.gateway.exec_reload import ExecActivation
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.gateway.volume_mounts import find_mounted_files
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica, VersionedFiles
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.nginx.checker import find_nginx
from gatewayctl.gateways.nginx.master_process import MASTER_TITLE, WORKER_TITLE
from gatewayctl.gateways.product import OnSignal
from gatewayctl.gateways.registry import gateway
from tests.adapters.kubernetes.fake_api.websocket import accept_websocket
from tests.gateways.nginx.product import needs_nginx

PLACE = GatewayPlace("gateway", "app=gateway", "routes", ("shop.conf",), 8000)
REPLICA = Replica("gateway-1", "127.0.0.1:1", "", ready=True)
WITHIN = 60.0  # seconds


class Kubelet(socketserver.StreamRequestHandler):
    """An API server that knows one Pod, and runs its commands on this machine."""

    pod: Object
    commands: list[list[str]]

    def handle(self) -> None:
        line = self.rfile.readline().decode()
        head = ""
        while not head.endswith("\r\n\r\n") and head != "\r\n":
            head += self.rfile.readline().decode()
        target = urlsplit(line.split()[1])
        if target.path.endswith("/exec"):
            self.run(
                head, [value for key, value in parse_qsl(target.query, keep_blank_values=True) if key == "command"]
            )
        elif "watch=1" in target.query:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            body = json.dumps({"metadata": {"resourceVersion": "1"}, "items": [self.pod]}).encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def run(self, head: str, command: list[str]) -> None:
        self.commands.append(command)
        self.wfile.write(accept_websocket(head))
        if not shutil.which(command[0]):
            self.say(3, json.dumps({"status": "Failure", "message": f"{command[0]}: not found"}).encode())
            return
        done = subprocess.run(command, capture_output=True, timeout=WITHIN)
        self.say(1, done.stdout)
        self.say(2, done.stderr)
        cause = {"reason": "ExitCode", "message": str(done.returncode)}
        ended = {"status": "Failure", "details": {"causes": [cause]}} if done.returncode else {"status": "Success"}
        self.say(3, json.dumps(ended).encode())

    def say(self, channel: int, data: bytes) -> None:
        size = len(data) + 1
        assert size < 65536
        self.wfile.write(bytes([0x82, 126]) + struct.pack(">H", size) + bytes([channel]) + data)


@dataclass
class Volume:
    """A folder that a kubelet keeps up to date, and the store that it has its files from."""

    folder: Path
    text: str = ""
    writes: int = 0

    def read(self) -> VersionedFiles:
        return VersionedFiles((SourceFile("shop.conf", self.text),), str(self.writes))

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        self.text, self.writes = files[0].text, int(expected.version) + 1
        return self.read()

    def change(self, text: str) -> None:
        """Write to the store; the kubelet has not synced it yet."""
        self.write((SourceFile("shop.conf", text),), self.read())

    def sync(self) -> None:
        """As a kubelet does it: a new folder, and a link that is swapped."""
        new = self.folder / f"..{self.writes}"
        new.mkdir()
        (new / "shop.conf").write_text(self.text)
        link = self.folder / "..data_tmp"
        link.symlink_to(new.name)
        link.rename(self.folder / "..data")
        if not (self.folder / "shop.conf").is_symlink():
            (self.folder / "shop.conf").symlink_to("..data/shop.conf")


def a_pod(folder: Path, **more: object) -> Object:
    container = {"name": "nginx", "volumeMounts": [{"name": "routes", "mountPath": str(folder)}]}
    return {
        "metadata": {"name": "gateway-1"},
        "spec": {
            "containers": [{"name": "other"}, container],
            "volumes": [{"name": "routes", "configMap": {"name": "routes", **more}}],
        },
        "status": {"phase": "Running", "containerStatuses": [{"name": "nginx", "containerID": "c-1"}]},
    }


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    found = Volume(tmp_path / "gateway")
    found.folder.mkdir()
    found.change("# the first\n")
    found.sync()
    return found


@pytest.fixture
def kubelet(volume: Volume) -> type[Kubelet]:
    return type("OneKubelet", (Kubelet,), {"pod": a_pod(volume.folder), "commands": []})


@pytest.fixture
def api(kubelet: type[Kubelet]) -> Iterator[Api]:
    from kubernetes.client import ApiClient, Configuration

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), kubelet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        found = Api(ApiClient(Configuration(host=f"http://127.0.0.1:{server.server_address[1]}")), "here", "a test")
        yield found
        found.client.rest_client.close()
        server.shutdown()
        thread.join()


def wait_until(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not ready():
        assert time.monotonic() < deadline, f"waited {WITHIN} s for {what}"
        time.sleep(0.01)


@dataclass
class GatewayProcess:
    """A running nginx, how it is made to load files, and which of its processes serve."""

    pid: int
    folder: Path
    activation: ExecActivation

    def workers(self) -> set[int]:
        return {one for one in find_children(self.pid) if read_title(one) == WORKER_TITLE}

    def activate(self) -> str:
        return self.activation.activate(REPLICA)


@pytest.fixture
def nginx(volume: Volume, api: Api, tmp_path: Path) -> Iterator[GatewayProcess]:
    """The nginx of this test alone, also where others run on this machine: its first process has a name of its own."""
    program = tmp_path / "nginx"
    program.symlink_to(find_nginx())
    main = tmp_path / "nginx.conf"
    temporary = "".join(
        f"{one}_temp_path {tmp_path}/{one}; " for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main.write_text(
        f"worker_processes 2;\nevents {{}}\nhttp {{ access_log off; {temporary} include {volume.folder}/*.conf; }}\n"
    )
    more = f"daemon off; pid {tmp_path}/pid;"
    process = subprocess.Popen([program, "-e", "stderr", "-c", main, "-g", more], stderr=subprocess.DEVNULL)
    how = gateway("nginx").loads
    assert isinstance(how, OnSignal)
    how = replace(how, master_title=f"{MASTER_TITLE} {program}")
    listing = WatchedList(api, "/api/v1/namespaces/gateway/pods")
    found = GatewayProcess(process.pid, volume.folder, ExecActivation(api, PLACE, listing, volume, how))
    try:
        wait_until(lambda: len(found.workers()) == 2, "two workers")
        yield found
    finally:
        process.terminate()
        process.wait(WITHIN)


@needs_nginx
def test_a_change_is_loaded_once_it_is_synced_and_active_when_no_worker_of_the_old_files_is_left(
    nginx: GatewayProcess, volume: Volume, kubelet: type[Kubelet]
) -> None:
    before = nginx.workers()
    volume.change("# the second\n")
    assert nginx.activate() == "the kubelet has not synced the ConfigMap yet"
    assert nginx.workers() == before

    volume.sync()
    wait_until(lambda: nginx.activate() == "", "the second")
    assert not nginx.workers() & before
    after, asked = nginx.workers(), len(kubelet.commands)

    assert (nginx.activate(), nginx.workers(), len(kubelet.commands)) == ("", after, asked)
    signalled = [one for one in kubelet.commands if "HUP" in one]
    assert len(signalled) == 1
    wait_until(lambda: nginx.activation.leftovers(REPLICA) == 0, "the workers of before to end")


@needs_nginx
def test_files_that_nginx_rejects_are_reported_and_checked_again_later(
    nginx: GatewayProcess, volume: Volume, kubelet: type[Kubelet]
) -> None:
    before = nginx.workers()
    volume.change("no such directive;\n")
    volume.sync()

    said = nginx.activate()
    assert re.search(r"2 of its processes still run the old files; it said: .*\[emerg\].* unknown directive", said)
    assert nginx.activate() == said
    assert len([one for one in kubelet.commands if "HUP" in one]) == 1
    now = time.monotonic()
    nginx.activation.clock = lambda: now + 11
    assert "unknown directive" in nginx.activate()
    assert len([one for one in kubelet.commands if "HUP" in one]) == 2
    assert nginx.workers() == before


@needs_nginx
def test_doctor_sees_that_a_pod_can_reload_and_why_another_cannot(
    nginx: GatewayProcess, volume: Volume, kubelet: type[Kubelet]
) -> None:
    assert nginx.activation.check() == "1 Pods can be told to load their files"

    shutil.rmtree(volume.folder)

    with pytest.raises(EnvironmentFailed, match="its container said"):
        nginx.activation.check()
    assert nginx.activation.leftovers(REPLICA) is None


def test_a_pod_that_is_gone_cannot_be_activated(volume: Volume, api: Api) -> None:
    how = gateway("nginx").loads
    assert isinstance(how, OnSignal)
    activation = ExecActivation(api, PLACE, WatchedList(api, "/api/v1/namespaces/gateway/pods"), volume, how)

    with pytest.raises(EnvironmentFailed, match="gateway-2 is gone"):
        activation.activate(replace(REPLICA, name="gateway-2"))


def test_a_command_returns_its_exit_code_and_both_outputs(api: Api) -> None:
    done = execute(api, ("/api/v1/pods/one", "nginx"), ["sh", "-c", "echo out; echo err >&2; exit 3"])

    assert (done.code, done.out, done.err) == (3, "out\n", "err\n")


def test_a_command_that_is_not_there_is_no_exit_code(api: Api) -> None:
    with pytest.raises(EnvironmentFailed, match="no-such-shell: not found"):
        execute(api, ("/api/v1/pods/one", "nginx"), ["no-such-shell"])


def test_the_files_are_where_the_volume_puts_them() -> None:
    pod = a_pod(Path("/etc/gateway"), items=[{"key": "shop.conf", "path": "sub/here.conf"}])

    found = find_mounted_files(PLACE, pod)

    assert (found.container, found.container_id, found.files) == ("nginx", "c-1", ("/etc/gateway/sub/here.conf",))


@pytest.mark.parametrize("container", ["other", "nobody"])
def test_a_container_without_the_files_is_named(container: str) -> None:
    with pytest.raises(EnvironmentFailed, match=f"container {container} does not mount shop.conf"):
        find_mounted_files(replace(PLACE, container=container), a_pod(Path("/etc/gateway")))
