"""A sandbox: where its gateway replicas listen, or that it was stopped."""

from dataclasses import dataclass

from gatewayctl.domain.platform import Replica


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """The gateway replicas of a sandbox. `scheme` is what all applications behind it say; empty where they differ."""

    replicas: tuple[Replica, ...]
    scheme: str

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.sandbox/1` with `replicas`."""
        rows = [
            {"replica": one.name, "traffic": one.traffic, "admin": one.admin, "ready": one.ready, "note": one.note}
            for one in self.replicas
        ]
        return {"schema": "gatewayctl.sandbox/1", "replicas": rows}

    def text(self) -> str:
        """One line per replica."""
        return "\n".join(_describe(one, self.scheme) for one in self.replicas)


@dataclass(frozen=True, slots=True)
class SandboxStopReport:
    """That a sandbox does not run any more; `was_running` is false where it did not run before either."""

    was_running: bool

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.sandbox/1` with `stopped`."""
        return {"schema": "gatewayctl.sandbox/1", "stopped": self.was_running}

    def text(self) -> str:
        """One line."""
        return "stopped" if self.was_running else "it was not running"


def _describe(replica: Replica, scheme: str) -> str:
    mark = "✓" if replica.ready else "✗"
    admin = f", admin http://{replica.admin}" if replica.admin else ""
    traffic = f"{scheme}://{replica.traffic}" if scheme else replica.traffic
    return f"{mark} {replica.name}: {traffic}{admin} {replica.note}".rstrip()
