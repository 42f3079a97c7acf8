"""The gateway's route files as keys of a ConfigMap, written only while they are as they were read.

The whole object's resourceVersion alone would be too strict: a person's edit of another key is no conflict. So after a
conflict the object is read again, and written again while our files, and a mark that each write of ours renews, are as
they were read. The mark also makes every write a new version (the API server ignores a patch that changes nothing), and
tells afterwards whether a write that got no answer has happened.

A JSON Patch with a `test` of each text would do the same in one request. But the API server compares such texts as they
are spelled in JSON, escapes included: with one é or & in a comment the test would always fail.
"""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, NotFound, Object, UnknownOutcome, VersionConflict
from gatewayctl.adapters.kubernetes.client.conditional_write import (
    ConditionalWrite,
    OvertakenWrite,
    write_conditionally,
)
from gatewayctl.adapters.kubernetes.client.json import name_of, part, texts
from gatewayctl.adapters.kubernetes.client.names import WRITE
from gatewayctl.adapters.kubernetes.client.paths import config_maps, pods
from gatewayctl.adapters.kubernetes.client.pods import may_run
from gatewayctl.adapters.kubernetes.client.watch import WatchedList, WatchedObject

# Where the gateway is: plain data that every room may be given.
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.routes.ownership import check_mounts, check_object
from gatewayctl.adapters.kubernetes.routes.version import StoredVersion, waiting_in, waiting_note
from gatewayctl.domain.errors import EnvironmentFailed, Refused, StaleWrite, UsageFault
from gatewayctl.domain.platform import VersionedFiles
from gatewayctl.domain.routing import Files, SourceFile, adds_rule

NUDGE = "gatewayctl.dev/nudge"
"""Annotation of each gateway Pod: its change makes the kubelet sync the Pod's volumes at once."""

_LARGEST = 1_048_576  # bytes in all keys of one ConfigMap, the API server's own limit
_AT_ONCE = 8  # nudges in flight
_ANNOTATE_ATTEMPTS = 5  # for one Pod; without the annotation its kubelet takes up to a minute


class KubernetesRouteStore:
    """Reads and writes `keys` of one ConfigMap, and makes the kubelets sync every gateway Pod at once.

    Both are requested once and then watched. `listing` has the gateway's Pods where others read them, too. `behind` is
    how many releases wait for our next write; it is written with it, and `waiting` reads it.
    """

    watch_delay = 1.0  # seconds; a kubelet that syncs later than that mounts nothing older

    def __init__(self, api: Api, place: GatewayPlace, listing: WatchedList | None = None) -> None:
        self._api, self._place = api, place
        self._path = config_maps(place.namespace, place.config_map)
        self._watched = WatchedObject(api, config_maps(place.namespace), place.config_map)
        self._gateway_pods = listing or WatchedList(api, pods(place.namespace), labelSelector=place.selector)
        self._name = f"ConfigMap {place.namespace}/{place.config_map}"
        self.behind = 0
        self._lock = Lock()
        self._unnudged: dict[str, str] = {}

    @property
    def unnudged(self) -> dict[str, str]:
        """Pods that could not be annotated at the last announcement, with the reason; they sync a minute later."""
        return dict(self._unnudged)

    def read(self) -> VersionedFiles:
        """All files, with the version they were read at. Raises EnvironmentFailed, UsageFault, Refused."""
        return self._to_files(self._get(self._watched.read))

    def waiting(self) -> int:
        """How many releases waited when the files were written last. Raises EnvironmentFailed."""
        return waiting_in(self._get(self._watched.read))

    def check(self) -> str:
        """Where an edit arrives. Raises Refused when it would not reach the gateway, or would be reverted."""
        found = self._get(self._watched.read)
        check_object(self._place, found)
        self._to_files(found)
        running = [pod for pod in self._gateway_pods.read() if may_run(pod)]
        folders = check_mounts(self._place, running)
        if not running:
            return f"{self._name}; no gateway Pod runs that could mount it"
        return f"{self._name}, mounted at {', '.join(folders)} by {len(running)} Pods"

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """Replace the files named in `files`, as a new version; StaleWrite when someone wrote since `expected`.

        What was never written by us is checked first, as in `check`. Later writes are not held up by that, and one that
        only takes rules away never is: an abort must be able to take its rule out of a ConfigMap that somebody has put
        under Helm in the meantime, even if our mark was lost by that.
        """
        wanted = self._merge(files, expected)
        after = tuple(SourceFile(name, text) for name, text in wanted.items())
        if not StoredVersion.parse(expected.version).mark and adds_rule(expected.files, after):
            self.check()
        mark = secrets.token_hex(8)
        return self._write(wanted, expected, mark)

    def announce(self) -> None:
        """Make the kubelets sync all gateway Pods now, by an annotation; `unnudged` then has those that failed."""
        body = {"metadata": {"annotations": {NUDGE: secrets.token_hex(8)}}}
        failed: dict[str, str] = {}

        def annotate(name: str) -> None:
            fault = self._annotate(name, body)
            if fault:
                failed[name] = fault

        try:
            # A Pod that a late list has not yet syncs up to a minute later, and every proof waits for it.
            names = [name_of(pod) for pod in self._gateway_pods.read() if may_run(pod)]
        except ApiFault as fault:
            names, failed = [], {"all": str(fault)}
        if names:
            with ThreadPoolExecutor(min(len(names), _AT_ONCE)) as pool:
                list(pool.map(annotate, names))
        with self._lock:
            self._unnudged = failed

    def _annotate(self, name: str, body: Object) -> str:
        """Annotate one Pod; why that failed, or nothing. Its status changes all the time, so conflicts are usual."""
        fault = ""
        for _ in range(_ANNOTATE_ATTEMPTS):
            try:
                self._api.merge(pods(self._place.namespace, name), body)
            except NotFound:
                return ""  # it was deleted in the meantime
            except (VersionConflict, UnknownOutcome) as caught:
                fault = str(caught)  # twice does no harm, and not at all would cost a minute
            except ApiFault as caught:
                return str(caught)
            else:
                return ""
        return fault

    def _merge(self, files: Files, expected: VersionedFiles) -> dict[str, str]:
        """The text of every file after the edit. Raises UsageFault for an unknown file, Refused for too much text."""
        wanted = {file.name: file.text for file in expected.files}
        unknown = [file.name for file in files if file.name not in wanted]
        if unknown:
            raise UsageFault(
                f"the gateway has no route file {', '.join(unknown)}; {self._name} has {', '.join(wanted)}",
                hint="the keys that are route files are named in gatewayctl.yaml, under gateway.config",
            )
        wanted.update({file.name: file.text for file in files})
        size = sum(len(text.encode()) for text in wanted.values())
        if size > _LARGEST:
            raise Refused(self._name, 0, f"{size} bytes of route files; a ConfigMap holds {_LARGEST}")
        return wanted

    def _write(self, wanted: dict[str, str], expected: VersionedFiles, mark: str) -> VersionedFiles:
        """Write the texts that differ; every attempt carries the same mark. Raises StaleWrite, EnvironmentFailed."""
        behind = self.behind
        changed = {file.name: wanted[file.name] for file in expected.files if wanted[file.name] != file.text}

        def send(found: VersionedFiles) -> VersionedFiles:
            version = StoredVersion.parse(found.version).state
            metadata = {"resourceVersion": version, "annotations": {WRITE: mark, **waiting_note(behind)}}
            asked = time.monotonic()
            written = self._api.merge(self._path, {"metadata": metadata, "data": changed})
            self._watched.update(written, asked)
            return self._to_files(written)

        def is_done_in(found: VersionedFiles) -> bool:
            is_our_write = StoredVersion.parse(found.version).mark == mark
            return is_our_write and {file.name: file.text for file in found.files} == wanted

        def verify(found: VersionedFiles) -> None:
            if not _is_unchanged(found, expected):
                raise StaleWrite(f"{self._name} was changed by someone else since it was read")

        def read() -> VersionedFiles:
            return self._to_files(self._get(self._watched.get))

        try:
            return write_conditionally(ConditionalWrite(self._name, send, read, is_done_in, verify), expected)
        except OvertakenWrite as fault:
            raise StaleWrite(f"{self._name} is being changed by others all the time") from fault

    def _get(self, get: Callable[[], Object]) -> Object:
        try:
            return get()
        except NotFound as fault:
            raise EnvironmentFailed(
                f"there is no {self._name}", hint="gateway.namespace and gateway.config in gatewayctl.yaml name it"
            ) from fault

    def _to_files(self, found: Object) -> VersionedFiles:
        metadata, data = part(found, "metadata"), part(found, "data")
        binary = [key for key in self._place.keys if key in part(found, "binaryData")]
        if binary:
            raise Refused(self._name, 0, f"{', '.join(binary)} is binaryData, not text")
        missing = [key for key in self._place.keys if key not in data]
        if missing:
            raise UsageFault(
                f"{self._name} has no key {', '.join(missing)}; it has {', '.join(data) or 'none'}",
                hint="the keys that are route files are named in gatewayctl.yaml, under gateway.config",
            )
        mark = texts(metadata, "annotations").get(WRITE, "")
        version = StoredVersion(str(metadata.get("uid", "")), str(metadata.get("resourceVersion", "")), mark)
        return VersionedFiles(tuple(SourceFile(key, str(data[key])) for key in self._place.keys), str(version))


def _is_unchanged(found: VersionedFiles, expected: VersionedFiles) -> bool:
    """Whether nobody changed what a write of ours depends on."""
    now, then = StoredVersion.parse(found.version), StoredVersion.parse(expected.version)
    return found.files == expected.files and now.has_same_writes(then)
