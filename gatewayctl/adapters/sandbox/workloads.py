"""The sandbox's workloads behind the port that Deployments implement on Kubernetes."""

from dataclasses import replace
from pathlib import Path

from gatewayctl.adapters.files.locking import hold_lock
from gatewayctl.adapters.files.processes import read_tail
from gatewayctl.adapters.sandbox.objects import NOT_RUNNING, START, Folder, PodStatus, WorkloadSpec, next_version
from gatewayctl.domain.errors import Missing, StaleWrite, UsageFault
from gatewayctl.domain.platform import Trouble, TroubleKind, Workload

_MOST_REPLICAS = 20  # each is a process on this machine


class SandboxWorkloads:
    """Implements ports.Workloads: writes specs, which the supervisor then carries out."""

    lag = 0.0  # seconds; its Services send to whatever Pod is ready now
    readiness_gap = 5.0  # seconds; several probes
    staleness = 0.0  # seconds; what the supervisor wrote is read each time

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)

    def read(self, name: str) -> Workload:
        """The workload as it is now. Raises Missing when there is none of that name."""
        spec = self._spec(name)
        if not self._folder.running():
            trouble = Trouble(NOT_RUNNING, TroubleKind.PASSING, START)
            return Workload(name, spec.image, spec.replicas, 0, spec.version, observed=False, trouble=trouble)
        status = self._folder.workload_status(name)
        current = [pod for pod in status.pods if pod.image == spec.image and not pod.ending]
        ready = sum(pod.ready for pod in current)
        observed = status.observed == spec.version
        return Workload(
            name=name,
            image=spec.image,
            replicas=spec.replicas,
            ready=ready,
            version=spec.version,
            pods=tuple(pod.name for pod in status.pods),
            ending=sum(pod.ending for pod in status.pods),
            updated=len(current),
            available=ready,
            others=sum(pod.image != spec.image and not pod.ending for pod in status.pods),
            observed=observed,
            digest=_common_digest(current),
            # An image without an entry in the world file, or a process that ended again and again: nobody heals that.
            trouble=Trouble(status.trouble, TroubleKind.FINAL) if observed and status.trouble else None,
        )

    def read_now(self, name: str) -> Workload:
        """As `read`, which is never late. Raises Missing likewise."""
        return self.read(name)

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        """Set image, replicas or both, and return the workload as a new version.

        Raises StaleWrite when somebody wrote since `expected`, UsageFault for an impossible number of replicas.
        """
        if replicas is not None and not 0 <= replicas <= _MOST_REPLICAS:
            raise UsageFault(f"{expected.name}: {replicas} replicas are not possible here; 0 to {_MOST_REPLICAS} are")
        with hold_lock(self._folder.root):
            spec = self._spec(expected.name)
            if spec.version != expected.version:
                raise StaleWrite(
                    f"workload {expected.name} was changed by someone else: "
                    f"expected version {expected.version}, found {spec.version}"
                )
            changed = replace(spec, version=next_version(spec.version))
            if image is not None:
                changed = replace(changed, image=image)
            if replicas is not None:
                changed = replace(changed, replicas=replicas)
            self._folder.write_spec(self._folder.workload_file(expected.name), changed)
        return replace(self.read(expected.name), version=changed.version)

    def logs(self, name: str, lines: int = 20) -> str:
        """The last log lines of its pods; of its last pod when it has none now."""
        self._spec(name)
        current = [self._folder.logs / f"{pod.name}.log" for pod in self._folder.workload_status(name).pods]
        logs = [log for log in current if log.exists()] or self._folder.logs_of(name)[-1:]
        return "\n".join(read_tail(log, lines) for log in logs)

    def _spec(self, name: str) -> WorkloadSpec:
        known = self._folder.workloads()
        spec = self._folder.workload(name) if name in known else None
        if not known:
            raise Missing(f"{self._folder.root} holds no sandbox", hint=f"start it first: {START}")
        if spec is None:
            raise Missing(
                f"there is no workload {name} in the sandbox; it has {', '.join(known)}",
                hint="workloads are listed in the world file (platform.world in gatewayctl.yaml)",
            )
        return spec


def _common_digest(pods: list[PodStatus]) -> str:
    """The digest that all running pods share; empty when they differ, or none runs."""
    digests = {pod.digest for pod in pods if pod.pid}
    return digests.pop() if len(digests) == 1 else ""
