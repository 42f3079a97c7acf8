"""Which gateway replicas serve the rule of an application now."""

from dataclasses import dataclass

from gatewayctl.domain.survey import ReplicaView


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `route verify` saw of each replica."""

    app: str
    replicas: tuple[ReplicaView, ...]

    @property
    def is_served(self) -> bool:
        """Whether there are replicas, and all of them serve the rule."""
        return bool(self.replicas) and all(one.serves_rule for one in self.replicas)

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.verify/2`."""
        rows = [
            {"replica": one.name, "ready": one.ready, "serves_rule": one.serves_rule, "detail": one.detail}
            for one in self.replicas
        ]
        return {"schema": "gatewayctl.verify/2", "app": self.app, "replicas": rows}

    def text(self) -> str:
        """One line per replica."""
        return "\n".join(f"{'✓' if one.serves_rule else '✗'} {one.name}: {one.detail}" for one in self.replicas)
