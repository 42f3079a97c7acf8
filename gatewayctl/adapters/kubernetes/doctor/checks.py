"""The preconditions that only a cluster knows: our permissions, the route files, how much alike the twins are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.doctor.check import run_check
from gatewayctl.adapters.kubernetes.doctor.rbac import Permission, find_missing
from gatewayctl.adapters.kubernetes.doctor.selectors import check_twins
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Check
from gatewayctl.domain.release import Target


@dataclass(frozen=True, slots=True)
class KubernetesChecks:
    """The preconditions of one gateway and the applications of one namespace.

    `permissions` are those that a release needs. `looks` are the checks that other rooms know, by name: each returns
    what it found, or raises. `deployment` reads a Deployment by its name, and may know it already. `containers` names
    the application's container of those Deployments whose configuration says it.
    """

    api: Api
    namespace: str
    permissions: tuple[Permission, ...]
    looks: tuple[tuple[str, Callable[[], str]], ...]
    deployment: Callable[[str], Object]
    containers: Mapping[str, str]

    def run(self, target: Target) -> tuple[Check, ...]:
        """Every check for one application; about eight requests."""
        container = self.containers.get(target.stable, "")
        return (
            self.check_rights(),
            *(run_check(name, look) for name, look in self.looks),
            *check_twins(self.api, self.namespace, target, self.deployment, container),
        )

    def check_rights(self) -> Check:
        """Whether we have all rights; without an optional one it is a warning."""
        missed: list[Permission] = []

        def look() -> str:
            lacking = find_missing(self.api, self.permissions)
            missed.extend(one for one in lacking if one.optional)
            if needed := [one for one in lacking if not one.optional]:
                raise EnvironmentFailed(
                    f"{len(needed)} rights are missing: " + "; ".join(map(str, needed)),
                    hint="manifests/rbac.yaml grants what a release needs, rbac-load.yaml what load workers need, "
                    "rbac-metrics.yaml what rules about CPU and memory need, "
                    "rbac-exec.yaml what a gateway needs that loads its files only on a signal",
                )
            without = "; without " + "; ".join(map(str, missed)) if missed else ""
            return f"all {len(self.permissions) - len(missed)} that a release needs{without}"

        check = run_check("rights", look)
        hint = "many releases at once then write by chance and not in turns; manifests/rbac.yaml grants these rights"
        return replace(check, hint=hint) if missed and not check.fault else check
