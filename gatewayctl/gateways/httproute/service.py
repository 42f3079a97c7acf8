"""Which backends are the application: a Service by its name, and by its namespace where the name is not unique."""

from dataclasses import dataclass

from gatewayctl.gateways.httproute.locate import BackendRef

_KINDS = frozenset({"Service", "ServiceImport"})


@dataclass(frozen=True, slots=True)
class ServiceName:
    """The name of a Service; without a namespace it stands for the only Service of that name in the files."""

    name: str
    namespace: str = ""

    def is_named_by(self, backend: BackendRef) -> bool:
        """Whether a backendRef names this Service."""
        return (
            backend.kind in _KINDS
            and backend.name == self.name
            and (not self.namespace or backend.namespace == self.namespace)
        )

    def __str__(self) -> str:
        return f"{self.name}.{self.namespace}" if self.namespace else self.name


def parse_service(text: str) -> ServiceName:
    """A Service from `name` or `name.namespace`, since the name of a Service has no dot."""
    name, _, namespace = text.partition(".")
    return ServiceName(name, namespace)
