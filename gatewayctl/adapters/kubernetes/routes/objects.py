"""Route objects where they live: read as files, patched rule by rule, and only when they are as they were read.

An object's status moves all the time, so its resourceVersion alone would be too strict. A patch tests it all the same;
after a conflict the object is read again, and written again while its text and our mark are as they were read. The mark
is an annotation that each write of ours renews: it makes every write a new version, and tells afterwards whether a
write that got no answer has happened. A `test` of the rules themselves would fail for ever at the first `&` or `é` in
them, because the API server compares texts as JSON was spelled.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, NotFound, Object
from gatewayctl.adapters.kubernetes.client.conditional_write import (
    ConditionalWrite,
    OvertakenWrite,
    write_conditionally,
)
from gatewayctl.adapters.kubernetes.client.json import part, texts
from gatewayctl.adapters.kubernetes.client.names import WRITE
from gatewayctl.adapters.kubernetes.client.paths import custom_objects
from gatewayctl.adapters.kubernetes.client.watch import WatchedObject

# Where the gateway is: plain data that every room may be given.
from gatewayctl.adapters.kubernetes.gateway.place import RouteObjects
from gatewayctl.adapters.kubernetes.routes.object_text import ObjectText
from gatewayctl.adapters.kubernetes.routes.ownership import check_route
from gatewayctl.adapters.kubernetes.routes.version import StoredVersion, waiting_in, waiting_note
from gatewayctl.domain.errors import EnvironmentFailed, Refused, StaleWrite, UsageFault
from gatewayctl.domain.platform import VersionedFiles
from gatewayctl.domain.routing import Files, SourceFile, adds_rule

_STRICT = {"fieldValidation": "Strict"}


class ObjectRouteStore:
    """Reads and writes route objects; each is one file, named namespace/name.

    Objects are written one after the other, in the order given: no API server writes two at once. Every write renews
    the mark of all of them. `behind` is how many releases wait for our next write; it is written with the marks, and
    `waiting` reads it.
    """

    watch_delay = 1.0  # seconds; of a controller's watch

    def __init__(self, api: Api, routes: RouteObjects) -> None:
        self._api, self._resource = api, routes.resource
        self._text = ObjectText(routes.resource)
        self.behind = 0
        self._watched = {route: WatchedObject(api, *self._path(route)) for route in routes.names}

    def read(self) -> VersionedFiles:
        """All routes, with the version they were read at. Raises EnvironmentFailed."""
        return self._to_files({route: self._get(route, watched.read) for route, watched in self._watched.items()})

    def waiting(self) -> int:
        """How many releases waited when a route was written last. Raises EnvironmentFailed."""
        return max(waiting_in(self._get(route, watched.read)) for route, watched in self._watched.items())

    def check(self) -> str:
        """Raise Refused when an edit would be reverted, EnvironmentFailed when no gateway serves a route."""
        return "; ".join(
            check_route(self._resource, route, self._get(route, watched.read))
            for route, watched in self._watched.items()
        )

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """Replace the routes named in `files`, as a new version; StaleWrite when someone wrote since `expected`.

        What was never written by us is checked first, as in `check`. Later writes are not held up by that, and one that
        only takes rules away never is: an abort must be able to take its rule out of a route that somebody has put
        under Flux in the meantime, even if our mark was lost by that.
        """
        wanted = self._merge(files, expected)
        after = tuple(SourceFile(name, text) for name, text in wanted.items())
        versions = [StoredVersion.parse(text) for text in expected.version.split(",")]
        if not all(version.mark for version in versions) and adds_rule(expected.files, after):
            self.check()
        mark = secrets.token_hex(8)
        written = {}
        for file, version in zip(expected.files, versions, strict=True):
            written[file.name] = self._write_one(_Edit(file, wanted[file.name], version, mark))
        return self._to_files(written)

    def announce(self) -> None:
        """Nothing: the gateway's controller watches its routes."""

    def try_write(self, route: str, text: str) -> None:
        """Ask the API server whether it would take this text for a route. Raises what a write would raise."""
        found = self._get(route, self._watched[route].get)
        self._patch(route, self._text.patch_of(found, route, text), dryRun="All")

    def _merge(self, files: Files, expected: VersionedFiles) -> dict[str, str]:
        """The text of every route after the edit. Raises UsageFault for a route that the gateway does not have."""
        wanted = {file.name: file.text for file in expected.files}
        unknown = [file.name for file in files if file.name not in wanted]
        if unknown:
            raise UsageFault(
                f"the gateway has no route {', '.join(unknown)}; it has {', '.join(wanted)}",
                hint=f"{self._resource.kind}s are named in gatewayctl.yaml, under gateway.routes, as namespace/name",
            )
        return {**wanted, **{file.name: file.text for file in files}}

    def _write_one(self, edit: "_Edit") -> Object:
        """Write one object; every attempt carries the same mark. Raises StaleWrite, EnvironmentFailed."""
        route, watched = edit.before.name, self._watched[edit.before.name]
        name = f"{self._resource.kind} {route}"
        waiting = waiting_note(self.behind)

        def send(found: Object) -> Object:
            operations = self._text.patch_of(found, route, edit.text)
            written = self._patch(route, [*_guard(found, {WRITE: edit.mark, **waiting}), *operations])
            watched.update(written)
            return written

        def read() -> Object:
            return self._get(route, watched.get)

        def starts_from(found: Object) -> bool:
            is_same_text = self._text.text_of(found) == edit.before.text
            return is_same_text and _version_of(found).has_same_writes(edit.version)

        def is_done_in(found: Object) -> bool:
            return _version_of(found).mark == edit.mark and self._text.text_of(found) == edit.text

        def verify(found: Object) -> None:
            if not starts_from(found):
                raise StaleWrite(f"{name} was changed by someone else since it was read")

        found = self._get(route, watched.read)
        found = found if starts_from(found) else read()
        try:
            return write_conditionally(ConditionalWrite(name, send, read, is_done_in, verify), found)
        except OvertakenWrite as fault:
            raise StaleWrite(f"{name} is being changed by others all the time") from fault

    def _patch(self, route: str, operations: list[Object], **query: str) -> Object:
        collection, name = self._path(route)
        try:
            return self._api.patch(f"{collection}/{name}", operations, **_STRICT, **query)
        except ApiFault as fault:
            # The API server names `patch` as the field at fault when the patched object has fields that it does not
            # know; whatever else it refuses it names by its own path.
            if any(cause.field == "patch" for cause in fault.causes):
                what = f"{self._resource.kind} {route}"
                raise Refused(what, 0, str(fault), hint=self._resource.unknown_field_hint) from fault
            raise

    def _get(self, route: str, get: Callable[[], Object]) -> Object:
        try:
            return get()
        except NotFound as fault:
            raise EnvironmentFailed(
                f"there is no {self._resource.kind} {route}, or no {self._resource.api} in this cluster",
                hint="gateway.routes in gatewayctl.yaml names them as namespace/name",
            ) from fault

    def _path(self, route: str) -> tuple[str, str]:
        """The collection and the name of a route."""
        namespace, _, name = route.partition("/")
        return custom_objects(self._resource.api_version, namespace, self._resource.plural), name

    def _to_files(self, found: dict[str, Object]) -> VersionedFiles:
        files = tuple(SourceFile(route, self._text.text_of(one)) for route, one in found.items())
        return VersionedFiles(files, ",".join(str(_version_of(one)) for one in found.values()))


@dataclass(frozen=True, slots=True)
class _Edit:
    """One write of one route: what it was, what it shall be, and the mark by which the write will be known."""

    before: SourceFile
    text: str
    version: StoredVersion
    mark: str


def _version_of(found: Object) -> StoredVersion:
    """The object's version; its generation counts changes of its spec, not of its status."""
    metadata = part(found, "metadata")
    mark = texts(metadata, "annotations").get(WRITE, "")
    return StoredVersion(str(metadata.get("uid", "")), str(metadata.get("generation", "")), mark)


def _guard(found: Object, notes: dict[str, str | None]) -> list[Object]:
    """Operations that fail when anything was written since `found`, and that set annotations (None: remove)."""
    metadata = part(found, "metadata")
    version = {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.get("resourceVersion")}
    wanted = {key: value for key, value in notes.items() if value is not None}
    if not isinstance(metadata.get("annotations"), dict):
        return [version, {"op": "add", "path": "/metadata/annotations", "value": wanted}]
    paths = {key: f"/metadata/annotations/{key.replace('/', '~1')}" for key in notes}
    gone = [key for key, value in notes.items() if value is None and key in metadata["annotations"]]
    return [
        version,
        *({"op": "add", "path": paths[key], "value": value} for key, value in wanted.items()),
        *({"op": "remove", "path": paths[key]} for key in gone),
    ]
