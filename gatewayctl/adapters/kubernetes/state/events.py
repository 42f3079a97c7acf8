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
from gatewayctl.domain.phases import ROWS
from gatewayctl.domain.release import Outcome, Record, Release
from gatewayctl.domain.stages import Milestone
from gatewayctl.ports import Journal, ProgressListener

_CONTROLLER = "gatewayctl.dev/gatewayctl"
_BYTES = 1024  # of a note; the API server refuses more
_RANDOM = 16  # characters; a header value of at least so many is not a word


class EventReason(StrEnum):
    """What of a release is recorded as an Event, and the `reason` of that Event."""

    ROUTED = "Routed"
    WAITING = "Waiting"
    PROMOTED = "Promoted"
    REJECTED = "Rejected"
    INCONCLUSIVE = "Inconclusive"
    CONFLICT = "Conflict"
    ABORTED = "Aborted"
    FAILED = "Failed"
    STUCK = "Stuck"


_ENDS = {
    Outcome.PROMOTED: EventReason.PROMOTED,
    Outcome.REJECTED: EventReason.REJECTED,
    Outcome.INCONCLUSIVE: EventReason.INCONCLUSIVE,
    Outcome.CONFLICT: EventReason.CONFLICT,
    Outcome.ABORTED: EventReason.ABORTED,
    Outcome.FAILED: EventReason.FAILED,
}
_ON_THE_WAY = {Milestone.ROUTED: EventReason.ROUTED, Milestone.WAITING: EventReason.WAITING}
_GOOD = frozenset({EventReason.ROUTED, EventReason.WAITING, EventReason.PROMOTED})


def reason_of(release: Release) -> EventReason | None:
    """The reason for an Event about a release as it is; None where it is at no milestone."""
    if release.stuck:
        return EventReason.STUCK
    if release.outcome in _ENDS:
        return _ENDS[release.outcome]
    milestone = ROWS[release.phase].milestone
    return _ON_THE_WAY[milestone] if milestone else None


@dataclass(slots=True)
class EventWriter:
    """Writes Events in `namespace`; `deployment` reads the one they are about, `listener` gets the first failure."""

    api: Api
    namespace: str
    deployment: Callable[[str], Object]
    listener: ProgressListener
    _failed: bool = field(default=False, init=False)

    def write(self, release: Release, reason: EventReason) -> None:
        """Write one Event; that it cannot be written raises nothing."""
        try:
            self.api.create(events(self.namespace), self._event(release, reason))
        except EnvironmentFailed as fault:
            if not self._failed:
                detail = f"no Kubernetes Event tells of it, the release goes on: {fault}"
                self.listener.ended("events", "–", detail, 0.0)
            self._failed = True

    def _event(self, release: Release, reason: EventReason) -> Object:
        name = release.target.stable
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{name}-", "namespace": self.namespace, "labels": {MANAGED_BY: MANAGER}},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Normal" if reason in _GOOD else "Warning",
            "reason": reason.value,
            "action": "Release",
            "note": _short(
                _without_value(release, f"release {release.id} of {release.image}: {_note(release, reason)}")
            ),
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
    """ports.Journal that writes one Event for each reason that a release gives."""

    inner: Journal
    events: EventWriter
    _last: dict[str, tuple[str, EventReason]] = field(default_factory=dict, init=False)

    @property
    def staleness(self) -> float:
        """As `inner`."""
        return self.inner.staleness

    def load(self, app: str) -> Record | None:
        """As `inner`; the process that wrote the record has written its Event."""
        record = self.inner.load(app)
        if record is not None:
            self._new_reason(record.release)
        return record

    def save(self, app: str, release: Release, expected: int) -> Record:
        """As `inner`; then an Event is written if the release has a new reason for one."""
        record = self.inner.save(app, release, expected)
        reason = self._new_reason(release)
        if reason is not None:
            self.events.write(release, reason)
        return record

    def has_moved(self, app: str, version: int) -> bool:
        """As `inner`."""
        return self.inner.has_moved(app, version)

    def history(self, app: str) -> tuple[Release, ...]:
        """As `inner`."""
        return self.inner.history(app)

    def _new_reason(self, release: Release) -> EventReason | None:
        """The reason for an Event now, remembered; None when it is the same as before."""
        reason = reason_of(release)
        if reason is None or self._last.get(release.app) == (release.id, reason):
            return None
        self._last[release.app] = release.id, reason
        return reason


def _note(release: Release, reason: EventReason) -> str:
    match reason:
        case EventReason.ROUTED:
            return f"every gateway replica sends requests with the canary header to {release.target.canary}"
        case EventReason.WAITING:
            return f"waits for someone: gatewayctl status {release.app}"
        case EventReason.PROMOTED:
            return f"{release.target.stable} runs it"
        case EventReason.STUCK:
            return f"the way back did not complete: gatewayctl status {release.app}; {release.stuck}"
        case _:
            return release.reason or reason.value.lower()


def _without_value(release: Release, message: str) -> str:
    """The message without a release's own header value: more people read Events than may reach the canary.

    Reasons quote what a gateway runs, the rule included. A fixed value is a short word that a text may have as well.
    """
    value = release.header.value
    return message.replace(value, "(its value)") if len(value) >= _RANDOM else message


def _short(message: str) -> str:
    """The message, cut to the length that a note may have."""
    return message.encode()[:_BYTES].decode(errors="ignore")
