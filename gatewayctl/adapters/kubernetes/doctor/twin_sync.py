"""Bring the canary Deployment in line with stable, except for what must be its own."""

from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Api, VersionConflict
from gatewayctl.adapters.kubernetes.client.paths import deployments
from gatewayctl.adapters.kubernetes.doctor.selectors import read_twin
from gatewayctl.adapters.kubernetes.doctor.twin_diff import find_differences, sync_patch
from gatewayctl.domain.errors import Conflict, StaleWrite
from gatewayctl.domain.release import Target
from gatewayctl.domain.twins import SyncOutcome, TwinSync


@dataclass(frozen=True, slots=True)
class Twins:
    """The stable and canary Deployments of `target`; `container` is as in `find_differences`."""

    api: Api
    namespace: str
    target: Target
    container: str = ""

    def sync(self, *, write: bool) -> TwinSync:
        """Compare the two, and patch the canary's Pod template where `write` is true and something differs.

        Raises EnvironmentFailed, Conflict when the canary runs, StaleWrite when somebody changed it meanwhile.
        """
        names = (self.target.stable, self.target.canary)
        stable, canary = (read_twin(self.api, self.namespace, name) for name in names)
        found, operations = find_differences(stable, canary, self.container), sync_patch(stable, canary, self.container)
        if operations and write:
            self._write(canary.get("spec", {}).get("replicas", 1), operations)
        if not found:
            return TwinSync(self.target.canary, found, SyncOutcome.NOTHING_TO_DO)
        return TwinSync(self.target.canary, found, SyncOutcome.WRITTEN if write else SyncOutcome.NOT_WRITTEN)

    def _write(self, replicas: int, operations: list[dict[str, object]]) -> None:
        name = self.target.canary
        if replicas:
            raise Conflict(
                f"{name} runs: writing to it now would restart its Pods",
                hint=f"let its release end first: gatewayctl status {self.target.app}",
            )
        try:
            self.api.patch(deployments(self.namespace, name), operations)
        except VersionConflict as fault:
            raise StaleWrite(f"{name} was changed by someone else meanwhile", hint="try again") from fault
