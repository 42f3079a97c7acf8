"""Route rules that are objects of their own beside stable's: created, changed and deleted, stable's only read.

A process that takes a release over must stop what the process before it still has to write, also where no object of
ours exists. So a write has this order:

1. renew the mark of the gateway's route version, by compare-and-swap;
2. read the objects again, and give up when they are not as expected;
3. change and delete companions under the resourceVersion that was read, and put the mark on those that stay;
4. create a companion without effect, read the mark again, and give it its class only if the mark is still ours.

A process that stops before step 4 and goes on later finds another mark there. If it found its own, its companion was
there before the other process listed the objects: that one has deleted it or written to it, and the last write fails.
"""

import secrets

from gatewayctl.adapters.kubernetes.client.api import Api, NotFound, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.client.names import MANAGED_BY, MANAGER
from gatewayctl.adapters.kubernetes.client.paths import custom_objects

# Where the gateway is: plain data that every room may be given.
from gatewayctl.adapters.kubernetes.gateway.place import RouteObjects
from gatewayctl.adapters.kubernetes.routes.companion_text import CompanionText
from gatewayctl.adapters.kubernetes.routes.companion_write import GONE, STRICT, CompanionEdit, CompanionWriter
from gatewayctl.adapters.kubernetes.routes.route_version import RouteVersion
from gatewayctl.adapters.kubernetes.routes.version import StoredVersion
from gatewayctl.domain.errors import EnvironmentFailed, Refused, StaleWrite, UsageFault
from gatewayctl.domain.platform import VersionedFiles
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.resource import Companions

_Found = tuple[Object, dict[str, Object]]
"""An object of stable's, and our companions of it by name."""


class CompanionRouteStore:
    """Reads stable's objects and our companions; each of stable's is one file with its companions, `namespace/name`.

    `gateway` is the namespace that has the version of all of them. `behind` is how many releases wait for our next
    write; it is written with the version, and `waiting` reads it.
    """

    watch_delay = 1.0  # seconds; of a controller's watch

    def __init__(self, api: Api, routes: RouteObjects, companions: Companions, gateway: str) -> None:
        self._api, self._routes, self._resource = api, routes, routes.resource
        self._text = CompanionText(routes.resource, companions)
        self._writer = CompanionWriter(api, self._text)
        self._version = RouteVersion(api, gateway)
        self.behind = 0

    def read(self) -> VersionedFiles:
        """All files, with the version that they had before they were read. Raises EnvironmentFailed."""
        version = self._version.read()
        return VersionedFiles(self._files(self._read_all()), str(version))

    def waiting(self) -> int:
        """How many releases waited when the routes were written last. Raises EnvironmentFailed."""
        return self._version.waiting()

    def check(self) -> str:
        """Raise Refused when an object of stable's is being deleted, EnvironmentFailed when it does not exist.

        Who owns stable's objects does not matter: they are not written.
        """
        for route, (stable, _) in self._read_all().items():
            if part(stable, "metadata").get("deletionTimestamp"):
                raise Refused(f"{self._resource.kind} {route}", 0, "it is being deleted")
        return "; ".join(f"{self._resource.kind} {route}" for route in self._routes.names)

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """Replace the files named in `files`, as a new version; StaleWrite when someone wrote since `expected`."""
        wanted = self._merge(files, expected)
        before = {file.name: file.text for file in expected.files}
        after = {route: self._text.companions_in(route, before[route], text) for route, text in wanted.items()}
        mark = secrets.token_hex(8)
        version = self._version.renew(StoredVersion.parse(expected.version), mark, self.behind)
        found = self._read_all()
        changed = [file.name for file in self._files(found) if file.text != before[file.name]]
        if changed:
            raise StaleWrite(f"{self._resource.kind} {changed[0]} or its canary was changed since it was read")
        for route, (_, companions) in found.items():
            for name, one in companions.items():
                self._writer.write(CompanionEdit(self._path(route, name), one, after[route].pop(name, GONE), mark))
            for name, new in after[route].items():
                self._create(CompanionEdit(self._path(route, name), GONE, new, mark))
        return VersionedFiles(tuple(SourceFile(name, text) for name, text in wanted.items()), str(version))

    def announce(self) -> None:
        """Nothing: the gateway's controller watches its routes."""

    def try_write(self, route: str, text: str) -> None:
        """Ask the API server whether it would take this text for a file. Raises what a write would raise."""
        stable, companions = self._read_all()[route]
        before = self._text.text_of(stable, companions.values())
        for name, wanted in self._text.companions_in(route, before, text).items():
            found = companions.get(name, GONE)
            if found:
                self._writer.patch(CompanionEdit(self._path(route, name), found, wanted, ""), found, dryRun="All")
            else:
                self._api.create(self._path(route), wanted, **STRICT, dryRun="All")

    def _merge(self, files: Files, expected: VersionedFiles) -> dict[str, str]:
        """The text of every file after the edit. Raises UsageFault for one that the gateway does not have."""
        wanted = {file.name: file.text for file in expected.files}
        unknown = [file.name for file in files if file.name not in wanted]
        if unknown:
            raise UsageFault(
                f"the gateway has no route {', '.join(unknown)}; it has {', '.join(wanted)}",
                hint=f"{self._resource.kind} objects are named in gatewayctl.yaml, under gateway.routes",
            )
        return {**wanted, **{file.name: file.text for file in files}}

    def _read_all(self) -> dict[str, _Found]:
        """By route: stable's object, and our companions of it by name. Raises EnvironmentFailed."""
        namespaces = dict.fromkeys(route.partition("/")[0] for route in self._routes.names)
        ours = {namespace: self._list(namespace) for namespace in namespaces}
        found = {}
        for route in self._routes.names:
            namespace, _, stable = route.partition("/")
            named = {name_of(one): one for one in ours[namespace] if _stable_of(name_of(one)) == stable}
            found[route] = (self._get_stable(route), named)
        return found

    def _list(self, namespace: str) -> list[Object]:
        collection = custom_objects(self._resource.api_version, namespace, self._resource.plural)
        return items(self._api.get(collection, labelSelector=f"{MANAGED_BY}={MANAGER}"), "items")

    def _get_stable(self, route: str) -> Object:
        try:
            return self._api.get(self._path(route, route.partition("/")[2]))
        except NotFound as fault:
            raise EnvironmentFailed(
                f"there is no {self._resource.kind} {route} in this cluster",
                hint="gateway.routes in gatewayctl.yaml names them as namespace/name",
            ) from fault

    def _files(self, found: dict[str, _Found]) -> Files:
        return tuple(
            SourceFile(route, self._text.text_of(stable, companions.values()))
            for route, (stable, companions) in found.items()
        )

    def _path(self, route: str, name: str = "") -> str:
        """Where the API server has an object in the namespace of a route, or all of them."""
        namespace = route.partition("/")[0]
        return custom_objects(self._resource.api_version, namespace, self._resource.plural, name)

    def _create(self, edit: CompanionEdit) -> None:
        """Create one companion without effect, and give it its class while the version is still ours."""
        asleep = self._text.without_class(edit.wanted)
        created = self._writer.write(CompanionEdit(edit.path, GONE, asleep, edit.mark))
        if self._version.read().mark != edit.mark:
            self._writer.write(CompanionEdit(edit.path, created, GONE, edit.mark))
            raise StaleWrite(f"{edit.path} was taken away again: someone else wrote the routes before it was complete")
        self._writer.write(CompanionEdit(edit.path, created, edit.wanted, edit.mark))


def _stable_of(name: str) -> str:
    """The name of stable's object that a companion stands beside; empty for an object that is none."""
    return name.partition(".")[2]
