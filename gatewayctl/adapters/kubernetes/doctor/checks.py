"""What only a cluster knows before a release: our rights, where an edit arrives, how true the twins are."""

from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.adapters.kubernetes.doctor.rbac import PodAccess, Right, missing, rights
from gatewayctl.adapters.kubernetes.doctor.selectors import twin_checks
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
from gatewayctl.adapters.kubernetes.routes.objects import ObjectRouteStore
from gatewayctl.adapters.kubernetes.workloads.workloads import KubernetesWorkloads
from gatewayctl.domain.errors import EnvironmentFailed, GatewayctlError
from gatewayctl.domain.platform import Check
from gatewayctl.domain.release import Target


@dataclass(frozen=True, slots=True)
class Inspection:
    """The preconditions of one gateway and the applications of one namespace; `more` rights than usual are needed.

    `reload` looks whether the gateway's Pods can be told to load their files, where they must be.
    `workloads` are those that the release reads: what they know of its Deployments is not asked for twice.
    """

    api: Api
    namespace: str
    place: GatewayPlace
    store: KubernetesRouteStore | ObjectRouteStore
    workloads: KubernetesWorkloads
    more: tuple[Right, ...] = ()
    reload: Callable[[], str] | None = None

    def look(self, target: Target) -> tuple[Check, ...]:
        """Each check on its own; about eight requests."""
        container = self.workloads.containers.get(target.stable, "")
        return (
            _look("rights", self._rights),
            _look("route files", self.store.check),
            *((_look("reload", self.reload),) if self.reload else ()),
            *twin_checks(self.api, self.namespace, target, self.workloads.deployment, container),
        )

    def _rights(self) -> str:
        # Port-forward is asked for by the replicas' own reach, which names the right when it needs it and has it not.
        needed = (*rights(self.namespace, self.place, PodAccess.INSIDE), *self.more)
        lacking = missing(self.api, needed)
        if lacking:
            raise EnvironmentFailed(
                f"{len(lacking)} rights are missing: " + "; ".join(map(str, lacking)),
                hint="manifests/rbac.yaml grants what a release needs, rbac-load.yaml what load workers need, "
                "rbac-exec.yaml what a gateway needs that must be told to load its files",
            )
        return f"all {len(needed)} that a release needs"


def _look(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, look())
    except GatewayctlError as fault:
        return Check(name, str(fault), fault)
