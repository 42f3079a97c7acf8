"""Records milestones of a release as Kubernetes Events on its stable Deployment, where an on-call person looks first.

Nothing depends on Events: the first one that cannot be written is reported, and the release goes on. They are written
after the journal, so that none says what did not happen, whichever process drives. A release that nothing stops has at
most three.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.json import texts
from gatewayctl.adapters.kubernetes.client.names import MANAGED_BY, MANAGER
from gatewayctl.adapters.kubernetes.client.paths import events
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.release import Outcome, Phase, Record, Release
from gatewayctl.ports import Journal, ProgressListener

_CONTROLLER = "gatewayctl.dev/gatewayctl"
_BYTES = 1024  # of a note; the API server refuses more


class Milestone(StrEnum):
    """What of a release is recorded as an Event, and the `reason` of that Event."""

    ROUTED = "Routed"
    WAITING = "Waiting"
    PROMOTED = "Promoted"
    REJECTED = "Rejected"
    ABORTED = "Aborted"
    FAILED = "Failed"
    STUCK = "Stuck"


_ENDS = {
    Outcome.PROMOTED: Milestone.PROMOTED,
    Outcome.REJECTED: Milestone.REJECTED,
    Outcome.ABORTED: Milestone.ABORTED,
    Outcome.FAILED: Milestone.FAILED,
}
_GOOD = frozenset({Milestone.ROUTED, Milestone.WAITING, Milestone.PROMOTED})


def milestone_of(release: Release) -> Milestone | None:
    """The milestone that a release is at; None between two of them."""
    if release.stuck:
        return Milestone.STUCK
    if release.outcome in _ENDS:
        return _ENDS[release.outcome]
    return {Phase.LEAKS: Milestone.ROUTED, Phase.WAIT: Milestone.WAITING}.get(release.phase)


@dataclass(slots=True)
class EventWriter:
    """Writes Events in `namespace`; `deployment` reads the one they are about, `listener` gets the first failure."""

    api: Api
    namespace: str
    deployment: Callable[[str], Object]
    listener: ProgressListener
    _failed: bool = field(default=False, init=False)

    def write(self, release: Release, milestone: Milestone) -> None:
        """Write one Event; that it cannot be written raises nothing."""
        try:
            self.api.create(events(self.namespace), self._event(release, milestone))
        except EnvironmentFailed as fault:
            if not self._failed:
                detail = f"no Kubernetes Event tells of it, the release goes on: {fault}"
                self.listener.ended("events", "–", detail, 0.0)
            self._failed = True

    def _event(self, release: Release, milestone: Milestone) -> Object:
        name = release.target.stable
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{name}-", "namespace": self.namespace, "labels": {MANAGED_BY: MANAGER}},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Normal" if milestone in _GOOD else "Warning",
            "reason": milestone.value,
            "action": "Release",
            "note": _short(f"release {release.id} of {release.image}: {_note(release, milestone)}"),
            "reportingController": _CONTROLLER,
            "reportingInstance": socket.gethostname()[:128] or "unknown",
            # kubectl describe finds Events by the uid of their object.
            "regarding": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "namespace": self.namespace,
                "name": name,
                "uid": texts(self.deployment(name), "metadata").get("uid", ""),
            },
        }


@dataclass(slots=True)
class EventRecordingJournal:
    """ports.Journal that writes an Event for each milestone of a release, once."""

    inner: Journal
    events: EventWriter
    _last: dict[str, tuple[str, Milestone]] = field(default_factory=dict, init=False)

    def load(self, app: str) -> Record | None:
        """As `inner`; the process that wrote the record has written its Event."""
        record = self.inner.load(app)
        if record is not None:
            self._new_milestone(record.release)
        return record

    def save(self, app: str, release: Release, expected: int) -> Record:
        """As `inner`; then an Event is written if the release has come to a milestone."""
        record = self.inner.save(app, release, expected)
        milestone = self._new_milestone(release)
        if milestone is not None:
            self.events.write(release, milestone)
        return record

    def moved(self, app: str, version: int) -> bool:
        """As `inner`."""
        return self.inner.moved(app, version)

    def history(self, app: str) -> tuple[Release, ...]:
        """As `inner`."""
        return self.inner.history(app)

    def _new_milestone(self, release: Release) -> Milestone | None:
        """The milestone that a release is at, and remember it; None when it was at the same one before."""
        milestone = milestone_of(release)
        if milestone is None or self._last.get(release.app) == (release.id, milestone):
            return None
        self._last[release.app] = release.id, milestone
        return milestone


def _note(release: Release, milestone: Milestone) -> str:
    match milestone:
        case Milestone.ROUTED:
            return f"every gateway replica sends requests with the canary header to {release.target.canary}"
        case Milestone.WAITING:
            return f"waits for someone: gatewayctl status {release.app}"
        case Milestone.PROMOTED:
            return f"{release.target.stable} runs it"
        case Milestone.STUCK:
            return f"the way back did not complete: gatewayctl status {release.app}; {release.stuck}"
        case _:
            return release.reason or milestone.value.lower()


def _short(message: str) -> str:
    """The message, cut to the length that a note may have."""
    return message.encode()[:_BYTES].decode(errors="ignore")
