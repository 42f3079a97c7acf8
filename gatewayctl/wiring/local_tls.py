"""The PEM files of a release on this machine: where its own paths lead nowhere, those of the configuration are taken.

A release remembers paths. One that a Job in the cluster began, or a colleague in another checkout, names files that are
not here; who promotes or aborts it has the same files elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.platform import Tls
from gatewayctl.domain.release import Record, Release, Target
from gatewayctl.ports import Journal


def with_local_files(release: Release, apps: Mapping[str, AppSpec]) -> Release:
    """The release with files that are on this machine, as far as the configuration of `apps` names some."""
    return replace(
        release,
        target=_with_local_files(release.target, apps),
        neighbours=tuple(_with_local_files(near, apps) for near in release.neighbours),
    )


def _with_local_files(target: Target, apps: Mapping[str, AppSpec]) -> Target:
    here = apps[target.app].target.tls if target.app in apps else None
    if target.tls is None or here is None or _are_here(target.tls) or not _are_here(here):
        return target
    return replace(target, tls=here)


def _are_here(tls: Tls) -> bool:
    return all(Path(file).is_file() for file in tls.files)


@dataclass(frozen=True, slots=True)
class LocalJournal:
    """ports.Journal whose open releases have the files of this machine."""

    inner: Journal
    apps: Mapping[str, AppSpec]

    @property
    def staleness(self) -> float:
        """As `inner`."""
        return self.inner.staleness

    def load(self, app: str) -> Record | None:
        """As `inner`, with the files of this machine."""
        record = self.inner.load(app)
        return replace(record, release=with_local_files(record.release, self.apps)) if record else None

    def save(self, app: str, release: Release, expected: int) -> Record:
        """As `inner`: the next process finds the paths of the last one that wrote."""
        return self.inner.save(app, release, expected)

    def has_moved(self, app: str, version: int) -> bool:
        """As `inner`."""
        return self.inner.has_moved(app, version)

    def history(self, app: str) -> tuple[Release, ...]:
        """As `inner`."""
        return self.inner.history(app)
