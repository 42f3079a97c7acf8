"""Start and end of a sandbox: however it ends, no process is left, and its state is kept."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.files.processes import is_alive, read_start_time
from gatewayctl.adapters.sandbox.cluster import Life, down, forget, running, up
from gatewayctl.adapters.sandbox.objects import Folder
from gatewayctl.adapters.sandbox.replicas import SandboxReplicas
from gatewayctl.adapters.sandbox.routes import SandboxRouteStore
from gatewayctl.adapters.sandbox.workloads import SandboxWorkloads
from gatewayctl.domain.errors import Busy, DeadlineExceeded, EnvironmentFailed, PlatformStopped, UsageFault
from gatewayctl.domain.platform import Trouble, TroubleKind
from gatewayctl.domain.routing import SourceFile
from tests.adapters.sandbox.conftest import CONFIG, HOST, find_processes, until
from tests.signals import default_signals

pytestmark = pytest.mark.sandbox
CLOCK = SystemClock()

OWNER = """\
import sys, pathlib
from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.sandbox.cluster import Life, up
sandbox = up(*map(pathlib.Path, sys.argv[1:]), life=Life.OWNED, clock=SystemClock())
print("up", flush=True)
input()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "sandbox"


@pytest.fixture
def live_root(root: Path, small: Path) -> Iterator[Path]:
    """The folder of a small sandbox that runs without an owner."""
    up(root, small, life=Life.DETACHED, clock=CLOCK)
    yield root
    down(root, clock=CLOCK)


def find_all_processes(root: Path) -> list[int]:
    """All processes on this machine with an address of this sandbox, also those that its folder does not name."""
    supervisor = Folder(root).supervisor()
    assert supervisor is not None
    address = f"{supervisor.block}.".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if address in (process / "cmdline").read_bytes() + (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


def have_ended(processes: dict[int, str]) -> bool:
    return not any(is_alive(pid, started) for pid, started in processes.items())


def test_a_sandbox_that_is_stopped_leaves_nothing_and_says_so(root: Path, small: Path) -> None:
    with up(root, small, life=Life.OWNED, clock=CLOCK):
        processes = find_processes(root)
        assert len(processes) == 3
        assert len(find_all_processes(root)) == 2
        assert running(root)

    assert have_ended(processes)
    assert not running(root)
    status = Folder(root).supervisor()
    assert status is not None
    assert status.note == "stopped by SIGTERM"
    with pytest.raises(ChildProcessError):
        os.waitpid(status.pid, os.WNOHANG)


def test_a_detached_sandbox_runs_until_it_is_stopped(root: Path, small: Path) -> None:
    up(root, small, life=Life.DETACHED, clock=CLOCK).close()
    processes = find_processes(root)
    assert all(is_alive(pid, started) for pid, started in processes.items())

    assert down(root, clock=CLOCK)

    assert have_ended(processes)
    assert not down(root, clock=CLOCK)


def test_a_supervisor_that_is_killed_leaves_no_process(live_root: Path) -> None:
    processes = find_processes(live_root)
    supervisor = Folder(live_root).supervisor()
    assert supervisor is not None

    os.kill(supervisor.pid, signal.SIGKILL)

    until(lambda: have_ended(processes), "every process to end")
    assert len(processes) == 3


def test_a_sandbox_whose_supervisor_was_killed_says_so_and_still_accepts_changes(live_root: Path) -> None:
    supervisor = Folder(live_root).supervisor()
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    until(lambda: not running(live_root), "the supervisor to end")
    workloads = SandboxWorkloads(live_root)

    found = workloads.read("orders")
    changed = workloads.change(found, replicas=2)

    assert (found.ready, found.pods, found.settled) == (0, (), False)
    assert found.trouble == Trouble("the sandbox is not running", TroubleKind.PASSING, "gatewayctl sandbox up")
    assert (changed.replicas, changed.version != found.version) == (2, True)
    with pytest.raises(PlatformStopped, match="not running") as stopped:
        SandboxReplicas(live_root).list()
    assert stopped.value.command == "gatewayctl sandbox up"
    assert SandboxRouteStore(live_root).read().files[0].name == "rds.yaml"


def test_a_sandbox_started_again_is_the_same_cluster_on_the_same_addresses(live_root: Path, small: Path) -> None:
    workloads, routes = SandboxWorkloads(live_root), SandboxRouteStore(live_root)
    replica = SandboxReplicas(live_root).list()[0]
    workloads.change(workloads.read("orders"), replicas=2)
    text = routes.read().files[0].text.replace("no such page", "what a page")
    written = routes.write((SourceFile("rds.yaml", text),), routes.read())
    supervisor = Folder(live_root).supervisor()
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    until(lambda: not running(live_root), "the supervisor to end")

    with up(live_root, small, life=Life.OWNED, clock=CLOCK):
        (again,) = SandboxReplicas(live_root).list()
        assert again.identity != replica.identity
        assert again == replace(replica, identity=again.identity)
        assert routes.read() == written
        assert workloads.read("orders").ready == 2
        assert "what a page" in httpx.get(f"http://{replica.traffic}/nowhere", headers=HOST).text


def test_a_canary_that_the_world_file_leaves_out_is_made_like_its_stable(root: Path, small: Path) -> None:
    twins = {"orders-canary": "orders", "other-canary": "other"}

    with up(root, small, life=Life.OWNED, clock=CLOCK, twins=twins):
        workloads = SandboxWorkloads(root)
        made = workloads.read("orders-canary")
        assert (made.image, made.replicas) == ("shop/orders:1.0", 0)
        workloads.change(made, replicas=1)
        until(lambda: workloads.read("orders-canary").ready, "the twin to be ready")
        assert Folder(root).workloads() == ("orders", "orders-canary")


def edit_routes(world: Path, new: str) -> Path:
    """Give the world file a route file of its own, with another answer for a page that is not there."""
    routes = world.parent / "rds.yaml"
    routes.write_text((CONFIG / "rds.yaml").read_text().replace("no such page", new))
    world.write_text(world.read_text().replace(f"{CONFIG}/rds.yaml", str(routes)))
    return routes


def test_a_route_file_that_was_edited_between_two_starts_is_taken_and_that_is_told(
    live_root: Path, small: Path
) -> None:
    down(live_root, clock=CLOCK)
    edit_routes(small, "a better page")

    with up(live_root, small, life=Life.OWNED, clock=CLOCK) as sandbox:
        (replica,) = SandboxReplicas(live_root).list()
        assert "a better page" in httpx.get(f"http://{replica.traffic}/nowhere", headers=HOST).text
        assert sandbox.notes == ("rds.yaml was edited since the last start: the edit is used",)
    with up(live_root, small, life=Life.OWNED, clock=CLOCK) as sandbox:
        assert sandbox.notes == ()


def test_what_was_repaired_after_a_start_that_failed_is_taken(root: Path, small: Path) -> None:
    good = small.read_text()
    small.write_text(good.replace('orders: {image: "shop/orders:1.0"}', 'orders: {image: "shop/orders:broken"}'))
    with pytest.raises(EnvironmentFailed, match="no database"):
        up(root, small, life=Life.OWNED, clock=CLOCK)
    small.write_text(good)
    edit_routes(small, "a better page")

    with up(root, small, life=Life.OWNED, clock=CLOCK):
        assert "a better page" in SandboxRouteStore(root).read().files[0].text
        assert SandboxWorkloads(root).read("orders").ready == 1


@pytest.mark.parametrize("image", ["shop/orders:broken", "shop/orders:gone"])
def test_a_sandbox_stopped_in_the_middle_of_a_bad_release_starts_again(
    live_root: Path, small: Path, image: str
) -> None:
    workloads = SandboxWorkloads(live_root)
    workloads.change(workloads.read("orders"), image=image)
    down(live_root, clock=CLOCK)

    with up(live_root, small, life=Life.OWNED, clock=CLOCK, within=60):
        assert workloads.read("orders").trouble


def test_what_a_dead_supervisor_left_behind_is_ended_by_the_next(live_root: Path, small: Path) -> None:
    down(live_root, clock=CLOCK)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as left:
        folder = Folder(live_root)
        status = folder.workload_status("orders")
        assert not status.pods
        text = (
            f'{{"observed": "", "trouble": "", "pods": [{{"name": "orders-00000", "image": "", "address": "", '
            f'"digest": "", "pid": {left.pid}, "started": "{read_start_time(left.pid)}"}}]}}'
        )
        (live_root / "status" / "workloads" / "orders.json").write_text(text)

        with up(live_root, small, life=Life.OWNED, clock=CLOCK):
            assert left.wait(5) == -signal.SIGKILL


def test_the_death_of_its_owner_ends_an_owned_sandbox(root: Path, small: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(root), str(small)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        processes = find_processes(root)

        owner.kill()

        until(lambda: have_ended(processes), "every process to end")
    status = Folder(root).supervisor()
    assert status is not None
    assert status.note == "its owner has ended"


def test_what_a_pod_has_started_ends_with_it(live_root: Path) -> None:
    workloads = SandboxWorkloads(live_root)
    usual = len(find_all_processes(live_root))
    workloads.change(workloads.read("orders"), image="shop/orders:parent")
    until(lambda: len(find_all_processes(live_root)) == usual + 2, "the pod and its child")

    workloads.change(workloads.read("orders"), image="shop/orders:1.0")

    until(lambda: workloads.read("orders").settled, "the way back")
    assert len(find_all_processes(live_root)) == usual


def test_a_start_that_is_interrupted_leaves_nothing(root: Path, small: Path) -> None:
    small.write_text(small.read_text().replace('image: "shop/orders:1.0"', 'image: "shop/orders:never"'))
    command = [sys.executable, "-c", OWNER, str(root), str(small)]
    with default_signals():
        started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with started as owner:
        until(lambda: len(find_processes(root)) == 3, "the processes of a sandbox that does not come up")
        processes = find_processes(root)

        owner.send_signal(signal.SIGINT)

        assert owner.wait(10) != 0
        assert have_ended(processes)
        assert find_all_processes(root) == []


def test_what_commands_import_of_it_is_light() -> None:
    modules = ("cluster", "replicas", "routes", "workloads")
    program = (
        f"import sys; from gatewayctl.adapters.sandbox import {', '.join(modules)}\n"
        "from gatewayctl.adapters.files import evidence, journal, leases\n"
        "print([name for name in ('asyncio', 'dns', 'envoy', 'pydantic', 'yaml') if name in sys.modules])"
    )

    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"


def test_two_sandboxes_run_side_by_side(live_root: Path, small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with up(other, small, life=Life.OWNED, clock=CLOCK):
        addresses = [SandboxReplicas(root).list()[0].traffic for root in (live_root, other)]
        pods = [httpx.get(f"http://{one}/api/orders/items/1", headers=HOST).json()["pod"] for one in addresses]

        assert [SandboxWorkloads(root).read("orders").pods for root in (live_root, other)] == [
            (pods[0],),
            (pods[1],),
        ]
        assert pods[0] != pods[1]
    assert httpx.get(f"http://{addresses[0]}/api/orders/items/1", headers=HOST).status_code == 200


def test_a_sandbox_is_not_started_twice_in_one_place_nor_forgotten_while_it_runs(live_root: Path, small: Path) -> None:
    with pytest.raises(Busy, match="runs already"):
        up(live_root, small, life=Life.OWNED, clock=CLOCK)
    with pytest.raises(Busy, match="running") as fault:
        forget(live_root)
    assert fault.value.hint == "stop it first: gatewayctl sandbox down"
    assert running(live_root)


def test_a_forgotten_sandbox_keeps_its_journal(live_root: Path) -> None:
    (live_root / "journal").mkdir()
    down(live_root, clock=CLOCK)

    forget(live_root)

    assert [path.name for path in live_root.iterdir() if not path.name.startswith(".")] == ["journal"]
    with pytest.raises(EnvironmentFailed, match="holds no sandbox") as unread:
        SandboxRouteStore(live_root).read()
    with pytest.raises(EnvironmentFailed) as unlisted:
        SandboxReplicas(live_root).list()
    assert {unread.value.hint, unlisted.value.hint} == {"start it first: gatewayctl sandbox up"}


@dataclass
class ClockThatLeaps(SystemClock):
    """A day passes at once when `has_come` says so: a deadline is met when it is due, however slow the machine is."""

    has_come: Callable[[], bool]

    def now(self) -> float:
        return super().now() + (86_400 if self.has_come() else 0)


def test_a_sandbox_whose_pod_cannot_start_says_why_and_leaves_nothing(root: Path, small: Path) -> None:
    small.write_text(small.read_text().replace('image: "shop/orders:1.0"', 'image: "shop/orders:broken"'))

    with pytest.raises(EnvironmentFailed, match="exited 1 three times, last log: no database"):
        up(root, small, life=Life.DETACHED, clock=CLOCK)

    assert not running(root)
    assert find_all_processes(root) == []


def test_a_sandbox_whose_pod_never_gets_ready_says_why_and_leaves_nothing(root: Path, small: Path) -> None:
    small.write_text(small.read_text().replace('image: "shop/orders:1.0"', 'image: "shop/orders:never"'))

    def answers_not_ready() -> bool:
        return any("GET /healthz" in pod.note for pod in Folder(root).workload_status("orders").pods)

    with pytest.raises(DeadlineExceeded, match="GET /healthz"):
        up(root, small, life=Life.DETACHED, clock=ClockThatLeaps(answers_not_ready))

    assert not running(root)
    assert find_all_processes(root) == []


def test_a_gateway_that_does_not_start_says_why(root: Path, small: Path, tmp_path: Path) -> None:
    text = small.read_text()
    bootstrap = text.split("bootstrap: ")[1].split("\n")[0]
    good = (small.parent / bootstrap).read_text()
    (tmp_path / "bad.yaml").write_text(good + "\nno_such_field: 1\n")
    small.write_text(text.replace(bootstrap, str(tmp_path / "bad.yaml")))

    with pytest.raises(EnvironmentFailed, match=r"(?s)gateway-0: ended 3 times before it was ready.*no_such_field"):
        up(root, small, life=Life.OWNED, clock=CLOCK)

    assert not running(root)


def test_a_path_with_characters_that_a_configuration_file_cannot_hold_is_refused(small: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="simple characters"):
        up(tmp_path / "a, b: #c", small, life=Life.OWNED, clock=CLOCK)


def test_a_sandbox_in_a_folder_with_blanks_works(small: Path, tmp_path: Path) -> None:
    with up(tmp_path / "my sandbox", small, life=Life.OWNED, clock=CLOCK):
        assert running(tmp_path / "my sandbox")
    shutil.rmtree(tmp_path / "my sandbox")
