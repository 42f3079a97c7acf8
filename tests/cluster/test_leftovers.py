"""What belongs to a cluster is found and ended, and nothing else is."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewayctl.adapters.files.processes import read_start_time
from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed, UsageFault
from tests.cluster import cgroups, leftovers
from tests.cluster.leftovers import mounts_below
from tests.cluster.place import ENTERED, Cluster, a_cluster, entered
from tests.cluster.processes import MARK, Process, component, end, read, record, recorded

VERSION_1 = """\
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return a_cluster("trial", tmp_path)


@pytest.fixture
def sleepers() -> Iterator[list["subprocess.Popen[bytes]"]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def a_sleeper(started: list["subprocess.Popen[bytes]"], **environment: str) -> Process:
    process = subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"], **environment})  # noqa: S607
    started.append(process)
    return Process("sleeper", process.pid, read_start_time(process.pid))


def write_down(cluster: Cluster, process: Process, name: str) -> None:
    cluster.processes.mkdir(parents=True, exist_ok=True)
    record(process, cluster.processes / f"{name}.json")


def test_what_was_written_down_is_read_back(cluster, sleepers):
    process = a_sleeper(sleepers)
    write_down(cluster, process, "kubelet")

    (found,) = recorded(cluster)

    assert found == Process("kubelet", process.pid, process.started)
    assert component(cluster, "kubelet") == found


def test_half_a_record_is_no_process(cluster):
    cluster.processes.mkdir(parents=True)
    (cluster.processes / "etcd.json").write_text('{"pid": 1')

    assert recorded(cluster) == ()
    assert read(cluster.processes / "never.json") is None


def test_another_process_that_got_the_same_pid_is_left_alone(cluster, sleepers):
    process = a_sleeper(sleepers)
    write_down(cluster, Process("etcd", process.pid, "1"), "etcd")

    leftovers.remove(cluster)

    assert process.running
    with pytest.raises(EnvironmentFailed, match="etcd of cluster trial does not run"):
        component(cluster, "etcd")


def test_what_was_started_but_not_yet_written_down_is_found_by_its_mark(cluster, sleepers):
    ours, foreign = a_sleeper(sleepers, **{MARK: cluster.ident}), a_sleeper(sleepers, **{MARK: f"{cluster.ident}0"})

    found = leftovers.processes_of(cluster)

    assert [process.pid for process in found] == [ours.pid]
    assert foreign.running


def test_everything_of_a_crashed_cluster_goes_except_its_logs(cluster, sleepers):
    known, unknown = a_sleeper(sleepers), a_sleeper(sleepers, **{MARK: cluster.ident})
    foreign = a_sleeper(sleepers)
    write_down(cluster, known, "kubelet")
    for folder in (cluster.pki, cluster.settings, cluster.logs):
        folder.mkdir()
    cluster.kubeconfig.write_text("token")
    (cluster.logs / "kubelet.log").write_text("it said this")
    assert leftovers.find(cluster)

    leftovers.remove(cluster)

    assert not leftovers.find(cluster)
    assert not known.running
    assert not unknown.running
    assert foreign.running
    assert [path.name for path in cluster.folder.iterdir()] == ["logs"]
    assert (cluster.logs / "kubelet.log").exists()


def test_removing_what_is_not_there_is_no_fault(cluster):
    leftovers.remove(cluster)
    leftovers.remove(cluster)

    assert not leftovers.find(cluster)


def test_whoever_asks_for_the_end_from_inside_does_not_end_itself(cluster):
    process = Process("test", os.getpid(), read_start_time(os.getpid()))
    write_down(cluster, process, "test")

    assert leftovers.processes_of(cluster) == ()


def test_a_process_that_does_not_heed_a_signal_is_named(sleepers):
    process = a_sleeper(sleepers)

    with pytest.raises(DeadlineExceeded, match="sleeper"):
        end([process], signal.SIGCONT, 0.05)


def test_mounts_are_undone_from_the_latest_to_the_first_and_only_those_below():
    table = (
        "overlay /run/a/rootfs overlay rw 0 0\n"
        "tmpfs /run/ab tmpfs rw 0 0\n"
        "tmpfs /var/lib/a/pods/with\\040blank tmpfs rw 0 0\n"
        "tmpfs /run/a/rootfs/dev tmpfs rw 0 0\n"
    )

    found = mounts_below((Path("/run/a"), Path("/var/lib/a")), table)

    assert found == (Path("/run/a/rootfs/dev"), Path("/var/lib/a/pods/with blank"), Path("/run/a/rootfs"))


def test_cgroups_of_version_1_are_one_tree_per_controller_even_beside_an_empty_version_2():
    assert cgroups.trees(VERSION_1) == (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/pids"))


def test_cgroups_of_version_2_are_one_tree():
    assert cgroups.trees("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n") == (Path("/sys/fs/cgroup"),)


def test_a_cgroup_that_was_never_made_has_no_members(cluster):
    assert cgroups.members(cluster.ident) == ()
    assert not cgroups.present(cluster.ident)


def test_clusters_of_two_checkouts_and_of_two_names_share_nothing(tmp_path):
    clusters = [a_cluster("main", tmp_path / "a"), a_cluster("main", tmp_path / "b"), a_cluster("e2e", tmp_path / "a")]

    for fact in ("ident", "folder", "netns", "run", "lib", "socket", "kubeconfig"):
        assert len({getattr(cluster, fact) for cluster in clusters}) == 3


def test_sockets_stay_short_however_deep_the_checkout_lies(tmp_path):
    deep = a_cluster("a" * 20, tmp_path / ("deep/" * 40))

    for path in (deep.socket, deep.lib / "kubelet" / "device-plugins" / "kubelet.sock"):
        assert len(str(path)) < 108


@pytest.mark.parametrize("name", ["", "Main", "a_b", "-a", "a-", "a" * 21, "../a"])
def test_what_cannot_name_a_cluster_is_refused(name):
    with pytest.raises(UsageFault, match="no name for a cluster"):
        a_cluster(name)


def test_a_command_inside_knows_its_cluster_and_one_outside_is_told_how_to_get_in(cluster):
    assert entered({ENTERED: str(cluster.folder)}) == cluster
    with pytest.raises(EnvironmentFailed, match="not run inside") as failed:
        entered({})
    assert "enter" in failed.value.hint
