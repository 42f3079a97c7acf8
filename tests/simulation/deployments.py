"""The ports of Deployments of one process: what it reads may be late, and each write is told to the observer."""

from gatewayctl.domain.platform import Workload
from tests.fakes.memory import MemoryWorkloadReader, MemoryWorkloadWriter
from tests.simulation.conditions import READ_LAG
from tests.simulation.faults import Kind
from tests.simulation.process import Process
from tests.simulation.troubles import Trouble


class SimWorkloadReader:
    """ports.WorkloadReader."""

    def __init__(self, process: Process) -> None:
        self.process, self.inner = process, MemoryWorkloadReader(process.world)
        self.lag, self.readiness_gap, self.staleness = self.inner.lag, self.inner.readiness_gap, READ_LAG

    def read(self, name: str) -> Workload:
        return self._read(name, fresh=Trouble.OLD_READS not in self.process.world.plan.troubles)

    def read_now(self, name: str) -> Workload:
        return self._read(name, fresh=True)

    def _read(self, name: str, *, fresh: bool) -> Workload:
        conditions = self.process.world.conditions

        def run() -> Workload:
            self.process.read[name] = self.process.world.time
            found = conditions.tell(self.inner.read(name))
            return found if fresh else conditions.read_late(name, lambda: found)

        return self.process.call(f"read {name}", run, Kind.READ)

    def logs(self, name: str, lines: int = 20) -> str:
        return self.inner.logs(name, lines)


class SimWorkloadWriter:
    """ports.WorkloadWriter."""

    def __init__(self, process: Process, inner: MemoryWorkloadWriter) -> None:
        self.process, self.inner = process, inner

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        process, name, writer = self.process, expected.name, self.process.writer()

        def run() -> Workload:
            before = process.world.deployments[name].image
            changed = self.inner.change(expected, image=image, replicas=replicas)
            process.state.observer.check_deployment_write(writer, name, before, replicas)
            return changed

        asked = " ".join(str(part) for part in (image, replicas) if part is not None)
        with process.pending_write(name, expected.version):
            return process.call(f"change {name} {asked}", run, Kind.WRITE)
