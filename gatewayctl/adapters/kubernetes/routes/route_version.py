"""The version of a gateway's route objects where these come and go: one Lease in the gateway's namespace.

An object that does not exist has no resourceVersion to test. So every writer first renews the mark of this Lease, by
compare-and-swap: of two writers that have read the same version, one gets its mark in, and the other has to read again.
"""

from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Api, NotFound, Object
from gatewayctl.adapters.kubernetes.client.conditional_write import (
    ConditionalWrite,
    OvertakenWrite,
    write_conditionally,
)
from gatewayctl.adapters.kubernetes.client.json import part, texts
from gatewayctl.adapters.kubernetes.client.names import MANAGED_BY, MANAGER, ROUTES, WRITE
from gatewayctl.adapters.kubernetes.client.paths import leases
from gatewayctl.adapters.kubernetes.routes.version import StoredVersion, waiting_in, waiting_note
from gatewayctl.domain.errors import StaleWrite


@dataclass(frozen=True, slots=True)
class RouteVersion:
    """The Lease in `namespace`; it is made by the first write."""

    api: Api
    namespace: str

    def read(self) -> StoredVersion:
        """The version now; an empty one before the first write. Raises EnvironmentFailed."""
        return _version_of(self._get())

    def waiting(self) -> int:
        """How many releases waited at the last write. Raises EnvironmentFailed."""
        return waiting_in(self._get())

    def renew(self, expected: StoredVersion, mark: str, behind: int) -> StoredVersion:
        """Put `mark` in place of the mark of `expected`, and note that `behind` releases wait.

        Raises StaleWrite when somebody else has written since, EnvironmentFailed.
        """

        def verify(found: Object) -> None:
            if not _version_of(found).has_same_writes(expected):
                raise StaleWrite("the gateway's routes were written by someone else since they were read")

        write = ConditionalWrite(
            f"Lease {self.namespace}/{ROUTES}",
            lambda found: self._write(found, {WRITE: mark, **waiting_note(behind)}),
            self._get,
            lambda found: _version_of(found).mark == mark,
            verify,
        )
        try:
            return _version_of(write_conditionally(write, self._get()))
        except OvertakenWrite as fault:
            raise StaleWrite("the gateway's routes are being written by others all the time") from fault

    def _get(self) -> Object:
        try:
            return self.api.get(leases(self.namespace, ROUTES))
        except NotFound:
            return {}

    def _write(self, found: Object, notes: dict[str, str | None]) -> Object:
        """Write the annotations over the state `found`. Raises VersionConflict when it is in another state."""
        if found:
            metadata = {"resourceVersion": part(found, "metadata").get("resourceVersion"), "annotations": notes}
            return self.api.merge(leases(self.namespace, ROUTES), {"metadata": metadata})
        metadata = {
            "name": ROUTES,
            "labels": {MANAGED_BY: MANAGER},
            "annotations": {key: value for key, value in notes.items() if value is not None},
        }
        return self.api.create(
            leases(self.namespace), {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
        )


def _version_of(found: Object) -> StoredVersion:
    """The Lease's identity and mark; both empty where there is none."""
    metadata = part(found, "metadata")
    return StoredVersion(str(metadata.get("uid", "")), "", texts(metadata, "annotations").get(WRITE, ""))
