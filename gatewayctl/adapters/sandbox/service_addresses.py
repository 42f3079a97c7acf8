"""The addresses of a sandbox's Services, read from its folder."""

from pathlib import Path

from gatewayctl.adapters.sandbox.objects import NOT_RUNNING, START, Folder
from gatewayctl.domain.errors import EnvironmentFailed


class SandboxAddresses:
    """Implements ports.Address. An address stays the same as long as the sandbox runs, also without pods behind it."""

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)

    def __call__(self, workload: str) -> str:
        """The address of the workload's Service. Raises EnvironmentFailed."""
        supervisor = self._folder.supervisor()
        if supervisor is None or not self._folder.running():
            raise EnvironmentFailed(f"{NOT_RUNNING} ({self._folder.root})", hint=f"start it first: {START}")
        address = supervisor.services.get(workload)
        if address is None:
            raise EnvironmentFailed(
                f"the sandbox has no Service {workload}", hint=f"it has {', '.join(supervisor.services)}"
            )
        return address
