"""The phases of a release as Kubernetes Events on its Deployment, where an on-call person looks first.

An Event is told, never relied on: one that cannot be written is counted, and the release goes on. Each is one request,
and the first of a Deployment one more: `kubectl describe` finds Events by its uid.
"""

import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from gatewayctl.adapters.kubernetes.api import Api, ApiFault
from gatewayctl.adapters.kubernetes.names import MANAGED_BY, US, words
from gatewayctl.adapters.kubernetes.paths import deployments, events
from gatewayctl.ports import Narrator

_CONTROLLER = "gatewayctl.dev/gatewayctl"
_WARNED = frozenset("✗?")
_BYTES = 1024  # of a note; the API server refuses more


class Weight(StrEnum):
    """How Kubernetes sorts Events."""

    NORMAL = "Normal"
    WARNING = "Warning"


class PhaseEvents:
    """Writes Events; `failed` counts those that could not be written, `fault` says why the last one could not."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._uids: dict[str, str] = {}
        self.failed, self.fault = 0, ""

    def put(self, deployment: str, reason: str, message: str, weight: Weight) -> None:
        """One Event on `deployment`; `reason` is one capitalised word. Never raises for what the cluster refuses."""
        try:
            self._api.create(events(self._namespace), self._event(deployment, reason, message, weight))
        except ApiFault as fault:
            self.failed, self.fault = self.failed + 1, str(fault)

    def _event(self, deployment: str, reason: str, message: str, weight: Weight) -> dict[str, object]:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "generateName": f"{deployment}-",
                "namespace": self._namespace,
                "labels": {MANAGED_BY: US},
            },
            "eventTime": moment,
            "type": weight.value,
            "reason": reason,
            "action": reason,
            "note": _short(message),
            "reportingController": _CONTROLLER,
            "reportingInstance": socket.gethostname()[:128] or "unknown",
            "regarding": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "namespace": self._namespace,
                "name": deployment,
                "uid": self._uid(deployment),
            },
        }

    def _uid(self, deployment: str) -> str:
        if deployment not in self._uids:
            found = self._api.get(deployments(self._namespace, deployment))
            self._uids[deployment] = words(found, "metadata").get("uid", "")
        return self._uids[deployment]


@dataclass(frozen=True, slots=True)
class EventNarrator:
    """Tells `inner` everything, and `events` each step that ended."""

    inner: Narrator
    events: PhaseEvents
    deployment: str

    def started(self, step: str) -> None:
        """A step begins."""
        self.inner.started(step)

    def progress(self, step: str, text: str) -> None:
        """It is still going on."""
        self.inner.progress(step, text)

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        """It ended; a mark of ✗ or ? is a warning."""
        self.inner.ended(step, mark, text, seconds)
        weight = Weight.WARNING if mark in _WARNED else Weight.NORMAL
        self.events.put(self.deployment, step.capitalize(), f"{mark} {text} ({seconds:.1f} s)", weight)


def _short(message: str) -> str:
    """At most as many bytes as a note may have."""
    return message.encode()[:_BYTES].decode(errors="ignore")
