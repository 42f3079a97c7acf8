"""Which backends are the application: a Service by name, and by namespace where a name alone is not one Service."""

from dataclasses import dataclass

from gatewayctl.gateways.httproute.locate import Backend

KINDS = frozenset({"Service", "ServiceImport"})


@dataclass(frozen=True, slots=True)
class Service:
    """A Service as upstreams are written: `name`, or `name.namespace`; without a namespace, the only one so called."""

    name: str
    namespace: str = ""

    def is_served_by(self, backend: Backend) -> bool:
        """Whether this backend is it."""
        return (
            backend.kind in KINDS
            and backend.name == self.name
            and (not self.namespace or backend.namespace == self.namespace)
        )

    def __str__(self) -> str:
        return f"{self.name}.{self.namespace}" if self.namespace else self.name


def service(written: str) -> Service:
    """The Service that an upstream's name stands for; the name of a Service holds no dot."""
    name, _, namespace = written.partition(".")
    return Service(name, namespace)
