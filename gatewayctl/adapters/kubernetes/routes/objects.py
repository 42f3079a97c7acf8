"""HTTPRoutes where they live: read as files, patched rule by rule, and only when they are as they were read.

A route's status moves all the time, so its resourceVersion alone would be too strict. A patch tests it all the same;
where it clashes, the object is looked at again, and written again while its spec and our mark are as they were read.
The mark is an annotation that each write of ours renews: it makes every write a new version, and tells afterwards
whether a write that got no answer has happened. A `test` of the rules themselves would fail for ever at the first `&`
or `é` in them, because the API server compares texts as JSON was spelled.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, NotFound, Object, UnknownOutcome, VersionConflict
from gatewayctl.adapters.kubernetes.client.names import part, words
from gatewayctl.adapters.kubernetes.client.paths import http_routes
from gatewayctl.adapters.kubernetes.client.watch import Item
from gatewayctl.adapters.kubernetes.routes.config_map import WRITE
from gatewayctl.adapters.kubernetes.routes.object_text import patch_of, text_of
from gatewayctl.adapters.kubernetes.routes.ownership import check_route
from gatewayctl.domain.errors import EnvironmentFailed, Refused, StaleWrite, UsageFault
from gatewayctl.domain.platform import VersionedFiles
from gatewayctl.domain.routing import Files, SourceFile

_TRIES = 10
_STRICT = {"fieldValidation": "Strict"}


@dataclass(frozen=True, slots=True)
class _Version:
    """Which object, which state of its spec, and our last write to it (empty: none yet)."""

    uid: str
    generation: str
    mark: str

    @classmethod
    def of(cls, found: Object) -> "_Version":
        metadata = part(found, "metadata")
        mark = words(metadata, "annotations").get(WRITE, "")
        return cls(str(metadata.get("uid", "")), str(metadata.get("generation", "")), mark)

    @classmethod
    def parse(cls, text: str) -> "_Version":
        uid, generation, mark = text.split("/", 2)
        return cls(uid, generation, mark)

    def __str__(self) -> str:
        return f"{self.uid}/{self.generation}/{self.mark}"


class HttpRouteStore:
    """Reads and writes HTTPRoutes given as namespace/name; each is one file of that name.

    Objects are written one after the other, in the order given: no API server writes two at once. Every write renews
    the mark of all of them.
    """

    watch_delay = 1.0  # seconds; of a controller's watch

    def __init__(self, api: Api, routes: tuple[str, ...]) -> None:
        self._api = api
        self._kept = {route: Item(api, *_place(route)) for route in routes}

    def read(self) -> VersionedFiles:
        """All routes, with the version they were read at. Raises EnvironmentFailed."""
        return _stored({route: self._object(route, kept.now) for route, kept in self._kept.items()})

    def check(self) -> str:
        """Raise Refused when an edit would be reverted, EnvironmentFailed when no gateway serves a route."""
        return "; ".join(check_route(route, self._object(route, kept.now)) for route, kept in self._kept.items())

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """Replace the routes named in `files`, as a new version; StaleWrite when someone wrote since `expected`.

        What was never written by us is checked first, as in `check`. Later writes are not held up by that: an abort
        must be able to take its rule out of a route that somebody has put under Flux in the meantime.
        """
        wanted = self._wanted(files, expected)
        versions = [_Version.parse(text) for text in expected.version.split(",")]
        if not all(version.mark for version in versions):
            self.check()
        mark = secrets.token_hex(8)
        written = {}
        for file, version in zip(expected.files, versions, strict=True):
            written[file.name] = self._swap(_Swap(file, wanted[file.name], version, mark))
        return _stored(written)

    def would(self, route: str, text: str) -> None:
        """Ask the API server whether it would take this text for a route. Raises what a write would raise."""
        found = self._object(route, self._kept[route].fresh)
        self._patched(route, patch_of(found, route, text), dryRun="All")

    def _wanted(self, files: Files, expected: VersionedFiles) -> dict[str, str]:
        texts = {file.name: file.text for file in expected.files}
        unknown = [file.name for file in files if file.name not in texts]
        if unknown:
            raise UsageFault(
                f"the gateway has no route {', '.join(unknown)}; it has {', '.join(texts)}",
                hint="HTTPRoutes are named in gatewayctl.yaml, under gateway.routes, as namespace/name",
            )
        return {**texts, **{file.name: file.text for file in files}}

    def _swap(self, swap: "_Swap") -> Object:
        """Patch; where the answer does not tell what came of it, look. Every try carries the same mark."""
        route, kept = swap.before.name, self._kept[swap.before.name]
        found = self._object(route, kept.now)
        found = found if swap.starts_from(found) else self._object(route, kept.fresh)
        fault: ApiFault | None = None
        for _ in range(_TRIES):
            if swap.is_done_in(found):
                return found
            if not swap.starts_from(found):
                raise StaleWrite(f"HTTPRoute {route} was changed by someone else since it was read") from fault
            operations = patch_of(found, route, swap.text)
            try:
                written = self._patched(route, [*_fence(found, swap.mark), *operations])
            except (VersionConflict, UnknownOutcome) as caught:
                fault = caught
                found = self._object(route, kept.fresh)
                continue
            kept.put(written)
            return written
        if isinstance(fault, UnknownOutcome):
            raise fault
        raise StaleWrite(f"HTTPRoute {route} is being changed by others all the time") from fault

    def _patched(self, route: str, operations: list[Object], **query: str) -> Object:
        collection, name = _place(route)
        try:
            return self._api.patch(f"{collection}/{name}", operations, **_STRICT, **query)
        except VersionConflict:
            raise
        except ApiFault as fault:
            if "unknown field" in str(fault):
                hint = "update the Gateway API's CRDs (1.4 or newer knows rule names), or edit the file and apply it"
                raise Refused(f"HTTPRoute {route}", 0, str(fault), hint=hint) from fault
            raise

    def _object(self, route: str, got: Callable[[], Object]) -> Object:
        try:
            return got()
        except NotFound as fault:
            raise EnvironmentFailed(
                f"there is no HTTPRoute {route}, or no Gateway API in this cluster",
                hint="gateway.routes in gatewayctl.yaml names them as namespace/name",
            ) from fault


@dataclass(frozen=True, slots=True)
class _Swap:
    """One write of one route: what it was, what it shall be, and how the write will be known."""

    before: SourceFile
    text: str
    version: _Version
    mark: str

    def starts_from(self, found: Object) -> bool:
        """Whether nobody wrote what this write depends on."""
        now = _Version.of(found)
        return text_of(found) == self.before.text and (now.uid, now.mark) == (self.version.uid, self.version.mark)

    def is_done_in(self, found: Object) -> bool:
        """Whether this very write has happened."""
        return _Version.of(found).mark == self.mark and text_of(found) == self.text


def _place(route: str) -> tuple[str, str]:
    """The collection and the name of a route."""
    namespace, _, name = route.partition("/")
    return http_routes(namespace), name


def _stored(found: dict[str, Object]) -> VersionedFiles:
    files = tuple(SourceFile(route, text_of(one)) for route, one in found.items())
    return VersionedFiles(files, ",".join(str(_Version.of(one)) for one in found.values()))


def _fence(found: Object, mark: str) -> list[Object]:
    """Operations that fail when anything was written since `found`, and that set the mark."""
    metadata = part(found, "metadata")
    version = {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.get("resourceVersion")}
    if not isinstance(metadata.get("annotations"), dict):
        return [version, {"op": "add", "path": "/metadata/annotations", "value": {WRITE: mark}}]
    return [version, {"op": "add", "path": f"/metadata/annotations/{WRITE.replace('/', '~1')}", "value": mark}]
