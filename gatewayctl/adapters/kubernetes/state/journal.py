"""The journal as one ConfigMap per application: everybody who reaches the cluster can read it and act on it.

A release and the history change together, in one write that expects the version read last: one request, without another
read before it. Phase and outcome are labels: `kubectl get configmaps -L gatewayctl.dev/phase,gatewayctl.dev/outcome`.
"""

import json
import secrets
import time
from dataclasses import dataclass

from gatewayctl.adapters.files.records import release_from_data, release_from_json, release_to_data, release_to_json
from gatewayctl.adapters.kubernetes.client.api import Api, NotFound, Object
from gatewayctl.adapters.kubernetes.client.conditional_write import ConditionalWrite, write_conditionally
from gatewayctl.adapters.kubernetes.client.json import items, part, texts
from gatewayctl.adapters.kubernetes.client.names import APP, MANAGED_BY, MANAGER, OUTCOME, PHASE, own_labels, own_name
from gatewayctl.adapters.kubernetes.client.paths import config_maps
from gatewayctl.adapters.kubernetes.client.watch import WatchedObject
from gatewayctl.domain.errors import EnvironmentFailed, StaleWrite, UsageFault
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.release import Record, Release

_SPEC = "gatewayctl.yaml"
_STALENESS = 5.0  # seconds until an abort is heard in silence, for twelve requests a minute of a long load
_LARGEST = 700_000  # bytes; the API server refuses a ConfigMap beyond 1 MiB
_LARGEST_START = 400_000  # bytes of a release when it begins, with its gatewayctl.yaml; the rest is room for its notes


class KubernetesJournal:
    """Keeps `keep` ended releases per application, fewer where they would make the ConfigMap too large.

    `spec_text` is stored beside a release when it begins, so that anybody can act on it from anywhere. Whoever acts on
    it later leaves the stored one as it is, and so does a process with an empty `spec_text`.
    `has_moved` knows of a write of others after `staleness` seconds at the latest.
    """

    def __init__(
        self, api: Api, namespace: str, spec_text: str = "", keep: int = 10, staleness: float = _STALENESS
    ) -> None:
        self._api, self._namespace, self._spec, self._keep = api, namespace, spec_text, keep
        self.staleness = staleness
        self._last: dict[str, _JournalEntry] = {}
        self._watched: dict[str, WatchedObject] = {}

    def load(self, app: str) -> Record | None:
        """The application's record, or None when it never had a release. Raises EnvironmentFailed."""
        entry = self._read(app)
        if entry is None:
            return None
        return Record(release_from_json(entry.data.get("release", ""), entry.source), entry.version)

    def save(self, app: str, release: Release, expected: int) -> Record:
        """Write `release` if the record is still at version `expected` (0: there is none); else raise StaleWrite."""
        nonce = secrets.token_hex(8)
        entry = self._last.get(app) if expected else None
        if expected and (entry is None or entry.version != expected):
            entry = self._read(app)
        write = ConditionalWrite(
            f"the journal of {app}",
            send=lambda found: self._write(app, self._next(app, release, found, nonce), found),
            read=lambda: self._read(app),
            is_done_in=lambda found: found is not None and found.data.get("nonce") == nonce,
            verify=lambda found: _verify_version(app, found, expected),
        )
        stored = write_conditionally(write, entry)
        return Record(release, stored.version if stored else 0)

    def has_moved(self, app: str, version: int) -> bool:
        """Whether the record was no longer at `version`, `staleness` seconds ago or later. Raises EnvironmentFailed.

        A watch tells. Where it is silent for so long, one request is sent.
        """
        item, last = self._watched.get(app), self._last.get(app)
        if item is None:
            item = self._watched[app] = WatchedObject(
                self._api, config_maps(self._namespace), own_name(app), self.staleness
            )
            if last is not None:
                item.follow(last.found, last.asked)
                if time.monotonic() - last.asked <= self.staleness:
                    return last.version != version
        try:
            found = _entry(item.read(), time.monotonic()).version
        except NotFound:
            return True
        return found > version  # the event of an earlier write of ours may still be on its way

    def history(self, app: str) -> tuple[Release, ...]:
        """Ended releases, newest first. Raises EnvironmentFailed."""
        entry = self._read(app)
        return () if entry is None else tuple(release_from_data(one, entry.source) for one in entry.history)

    def _read(self, app: str) -> "_JournalEntry | None":
        self._last.pop(app, None)
        asked = time.monotonic()
        try:
            found = self._api.get(config_maps(self._namespace, own_name(app)))
        except NotFound:
            return None
        entry = _entry(found, asked)
        self._last[app] = entry
        if app in self._watched:
            self._watched[app].confirm(found, asked)
        return entry

    def _write(self, app: str, wanted: Object, old: "_JournalEntry | None") -> "_JournalEntry":
        asked = time.monotonic()
        if old is None:
            stored = _entry(self._api.create(config_maps(self._namespace), wanted), asked)
        else:
            stored = _entry(self._api.replace(config_maps(self._namespace, own_name(app)), wanted), asked)
        self._last[app] = stored
        if app in self._watched:
            self._watched[app].update(stored.found, asked)
        return stored

    def _next(self, app: str, release: Release, old: "_JournalEntry | None", nonce: str) -> Object:
        """The whole object after the write; what people added to it stays."""
        found = old.found if old else {}
        meta = {**part(found, "metadata"), "name": own_name(app), "namespace": self._namespace}
        meta["labels"] = {
            **texts(meta, "labels"),
            **own_labels(app),
            PHASE: release.phase.value,
            OUTCOME: release.outcome.value,
        }
        data = {**texts(found, "data"), "release": release_to_json(release), "nonce": nonce}
        data["version"] = str(old.version + 1 if old else 1)
        if self._spec and (old is None or old.release_id != release.id):
            data[_SPEC] = self._spec
        if not release.notes:
            _verify_size(
                release, sum(len(text.encode()) for text in data.values()) - len(data.get("history", "").encode())
            )
        data["history"] = ""
        room = _LARGEST - sum(len(text.encode()) for text in data.values())
        data["history"] = self._history(release, old, room)
        return {**found, "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}

    def _history(self, release: Release, old: "_JournalEntry | None", room: int) -> str:
        """The ended releases after the write, in `room` bytes; their text as it is while none comes and none goes."""
        before = old.history if old else []
        ended = [one for one in before if one.get("id") != release.id]
        text = old.data.get("history", "") if old else ""
        if not release.ended and before and len(ended) == len(before) <= self._keep and len(text.encode()) <= room:
            return text
        if release.ended:
            ended = [release_to_data(release), *ended]
        return _prune(ended[: self._keep], room)


def read_spec(api: Api, namespace: str, app: str) -> str | None:
    """The gatewayctl.yaml that an application's last release was made with; None when none is stored."""
    try:
        found = api.get(config_maps(namespace, own_name(app)))
    except NotFound:
        return None
    return texts(found, "data").get(_SPEC)


def list_specs(api: Api, namespace: str) -> dict[str, str]:
    """The gatewayctl.yaml of each application's last release in `namespace`, by the application's name, in order."""
    found = api.get(config_maps(namespace), labelSelector=f"{MANAGED_BY}={MANAGER},{APP}")
    kept = {
        texts(item, "metadata", "labels").get(APP, ""): texts(item, "data").get(_SPEC, "")
        for item in items(found, "items")
    }
    return {app: kept[app] for app in sorted(kept) if app and kept[app]}


@dataclass(frozen=True, slots=True)
class _JournalEntry:
    """A journal's ConfigMap as the API server gave it to a request of the time `asked`, in monotonic seconds."""

    found: Object
    version: int
    source: str
    asked: float

    @property
    def data(self) -> dict[str, str]:
        return texts(self.found, "data")

    @property
    def release_id(self) -> str:
        """The id of its release; empty where its record cannot be read."""
        try:
            found = parse_json(self.data.get("release") or "{}")
        except ValueError:
            return ""
        return str(found.get("id", "")) if isinstance(found, dict) else ""

    @property
    def history(self) -> list[Object]:
        """Ended releases as data, newest first. Raises EnvironmentFailed."""
        try:
            found = parse_json(self.data.get("history") or "[]")
        except ValueError as fault:
            raise EnvironmentFailed(f"{self.source}: history is not JSON: {fault}", hint=_REPAIR_HINT) from fault
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise EnvironmentFailed(f"{self.source}: history is no list of releases", hint=_REPAIR_HINT)
        return found


def _verify_size(release: Release, size: int) -> None:
    """Raises UsageFault when a release that begins would leave too little room for what is noted about it later."""
    if size > _LARGEST_START:
        raise UsageFault(
            f"release {release.id} of {release.app} is too large for its journal: {size} bytes with "
            f"{len(release.neighbours)} neighbours and gatewayctl.yaml, the limit is {_LARGEST_START}",
            hint="list fewer applications in one gatewayctl.yaml, or shorten their headers",
        )


def _verify_version(app: str, found: _JournalEntry | None, expected: int) -> None:
    version = found.version if found else 0
    if version != expected:
        raise StaleWrite(
            f"the journal of {app} was written by someone else: expected version {expected}, found {version}"
        )


_REPAIR_HINT = "restore it from a backup, or make sure that no release is open and delete it: kubectl delete configmap"


def _entry(found: Object, asked: float) -> _JournalEntry:
    meta = texts(found, "metadata")
    source = f"ConfigMap {meta.get('namespace')}/{meta.get('name')}"
    version = texts(found, "data").get("version", "")
    if not (version.isascii() and version.isdecimal() and 0 < len(version) < 19 and int(version) > 0):
        raise EnvironmentFailed(
            f"{source}: not a journal: expected a version of 1 or more, found {version!r}", hint=_REPAIR_HINT
        )
    return _JournalEntry(found, int(version), source, asked)


def _prune(ended: list[Object], room: int) -> str:
    """As many of the newest as fit into `room` bytes, as JSON."""
    text = json.dumps(ended, ensure_ascii=False)
    while ended and len(text.encode()) > room:
        ended = ended[:-1]
        text = json.dumps(ended, ensure_ascii=False)
    return text
