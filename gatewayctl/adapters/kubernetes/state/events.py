"""What became of a release as Kubernetes Events on its stable Deployment, where an on-call person looks first.

An Event is told, never relied on: one that cannot be written is said once, and the release goes on. It is told where
the journal is written, so that nothing is told that did not happen, whoever drives; three of them at most in a release
that nothing stops.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.names import MANAGED_BY, MANAGER, words
from gatewayctl.adapters.kubernetes.client.paths import events
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.release import Outcome, Phase, Record, Release
from gatewayctl.ports import Journal, ProgressListener

_CONTROLLER = "gatewayctl.dev/gatewayctl"
_BYTES = 1024  # of a note; the API server refuses more


class Moment(StrEnum):
    """What is worth an Event, as its `reason`."""

    ROUTED = "Routed"
    WAITING = "Waiting"
    PROMOTED = "Promoted"
    REJECTED = "Rejected"
    ABORTED = "Aborted"
    FAILED = "Failed"
    STUCK = "Stuck"


_ENDS = {
    Outcome.PROMOTED: Moment.PROMOTED,
    Outcome.REJECTED: Moment.REJECTED,
    Outcome.ABORTED: Moment.ABORTED,
    Outcome.FAILED: Moment.FAILED,
}
_GOOD = frozenset({Moment.ROUTED, Moment.WAITING, Moment.PROMOTED})


def moment_of(release: Release) -> Moment | None:
    """What a release has come to; None in between."""
    if release.stuck:
        return Moment.STUCK
    if release.outcome in _ENDS:
        return _ENDS[release.outcome]
    return {Phase.LEAKS: Moment.ROUTED, Phase.WAIT: Moment.WAITING}.get(release.phase)


@dataclass(slots=True)
class Events:
    """Writes Events in `namespace`; `deployment` gives the one they are about, `narrator` is told the first failure."""

    api: Api
    namespace: str
    deployment: Callable[[str], Object]
    listener: ProgressListener
    _failed: bool = field(default=False, init=False)

    def tell(self, release: Release, moment: Moment) -> None:
        """One Event. Never raises for what the cluster refuses."""
        try:
            self.api.create(events(self.namespace), self._event(release, moment))
        except EnvironmentFailed as fault:
            if not self._failed:
                said = f"no Kubernetes Event tells of it, the release goes on: {fault}"
                self.listener.ended("events", "–", said, 0.0)
            self._failed = True

    def _event(self, release: Release, moment: Moment) -> Object:
        name = release.target.stable
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{name}-", "namespace": self.namespace, "labels": {MANAGED_BY: MANAGER}},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Normal" if moment in _GOOD else "Warning",
            "reason": moment.value,
            "action": "Release",
            "note": _short(f"release {release.id} of {release.image}: {_said(release, moment)}"),
            "reportingController": _CONTROLLER,
            "reportingInstance": socket.gethostname()[:128] or "unknown",
            # By its uid: kubectl describe shows no others.
            "regarding": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "namespace": self.namespace,
                "name": name,
                "uid": words(self.deployment(name), "metadata").get("uid", ""),
            },
        }


@dataclass(slots=True)
class EventRecordingJournal:
    """ports.Journal that has `events` tell each moment that a release comes to, once."""

    inner: Journal
    events: Events
    _last: dict[str, tuple[str, Moment]] = field(default_factory=dict, init=False)

    def load(self, app: str) -> Record | None:
        """As `inner`; what is read was told by whoever wrote it."""
        record = self.inner.load(app)
        if record is not None:
            self._is_news(record.release)
        return record

    def save(self, app: str, release: Release, expected: int) -> Record:
        """As `inner`; then it is told."""
        record = self.inner.save(app, release, expected)
        moment = self._is_news(release)
        if moment is not None:
            self.events.tell(release, moment)
        return record

    def has_moved(self, app: str, version: int) -> bool:
        """As `inner`."""
        return self.inner.has_moved(app, version)

    def history(self, app: str) -> tuple[Release, ...]:
        """As `inner`."""
        return self.inner.history(app)

    def _is_news(self, release: Release) -> Moment | None:
        """The moment a release has come to, unless it had already."""
        moment = moment_of(release)
        if moment is None or self._last.get(release.app) == (release.id, moment):
            return None
        self._last[release.app] = release.id, moment
        return moment


def _said(release: Release, moment: Moment) -> str:
    match moment:
        case Moment.ROUTED:
            return f"every gateway replica sends what is marked to {release.target.canary}"
        case Moment.WAITING:
            return f"waits for someone: gatewayctl status {release.app}"
        case Moment.PROMOTED:
            return f"{release.target.stable} runs it"
        case Moment.STUCK:
            return f"the way back did not complete: gatewayctl status {release.app}; {release.stuck}"
        case _:
            return release.reason or moment.value.lower()


def _short(message: str) -> str:
    """At most as many bytes as a note may have."""
    return message.encode()[:_BYTES].decode(errors="ignore")
