"""What a person wants to know about a cluster: whether it runs, how to get in, and what each part of it takes."""

from pathlib import Path

from tests.cluster import leftovers, lifecycle
from tests.cluster.place import Cluster
from tests.cluster.processes import recorded

_MEBIBYTE = 1024 * 1024


def endpoints(cluster: Cluster) -> str:
    """The lines to copy into a shell."""
    name = "" if cluster.name == "main" else f" --name {cluster.name}"
    return (
        f"export KUBECONFIG={cluster.kubeconfig}\n"
        f"nsenter --net={cluster.netns} -- COMMAND        # it answers inside this network namespace only; or:\n"
        f"python -m tests.cluster enter{name} -- gatewayctl status --config manifests/gatewayctl.yaml\n"
        f"python -m tests.cluster enter{name} -- kubectl get pods --all-namespaces\n"
    )


def state(cluster: Cluster) -> str:
    """Every component with its pid and memory, or what is left of a cluster that does not run."""
    if lifecycle.running(cluster):
        lines = [f"{p.component:<24} pid {p.pid:<8} {resident(p.pid):>5.0f} MiB\n" for p in recorded(cluster)]
        own = {process.pid for process in recorded(cluster)}
        pods = sum(resident(process.pid) for process in leftovers.processes_of(cluster) if process.pid not in own)
        lines.append(f"{'pods and their shims':<37} {pods:>5.0f} MiB\n")
        return f"cluster {cluster.name} runs\n{''.join(lines)}{endpoints(cluster)}"
    found = leftovers.find(cluster)
    if not found:
        return f"cluster {cluster.name} does not run\n"
    return (
        f"cluster {cluster.name} does not run wholly: {len(found.processes)} processes, {len(found.mounts)} mounts "
        f"and {len(found.places)} files or folders are left; the next `up` or `down` removes them\n"
    )


def resident(pid: int) -> float:
    """The memory of a process in MiB, 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = next((line.split()[1] for line in lines if line.startswith("VmRSS:")), "0")
    return int(found) * 1024 / _MEBIBYTE
