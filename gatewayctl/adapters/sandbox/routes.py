"""The sandbox's route store: the gateway's files byte for byte, as a ConfigMap holds them."""

from dataclasses import replace
from pathlib import Path

from gatewayctl.adapters.files.locking import locked
from gatewayctl.adapters.sandbox.objects import Folder, RoutesSpec, next_version
from gatewayctl.domain.errors import EnvironmentFailed, StaleWrite, UsageFault
from gatewayctl.domain.platform import VersionedFiles
from gatewayctl.domain.routing import Files, SourceFile


class SandboxRouteStore:
    """Reads and writes the store; the replicas' copies follow later, as in a cluster."""

    watch_delay = 1.0  # seconds

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)

    def read(self) -> VersionedFiles:
        """All files, with the version they were read at. Raises EnvironmentFailed when there is no sandbox."""
        return _stored(self._spec())

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """Replace the files named in `files`, as a new version; StaleWrite when someone wrote since `expected`."""
        with locked(self._folder.root):
            spec = self._spec()
            if spec.version != expected.version:
                raise StaleWrite(
                    f"the gateway's route files were changed by someone else: "
                    f"expected version {expected.version}, found {spec.version}"
                )
            unknown = [file.name for file in files if file.name not in spec.files]
            if unknown:
                raise UsageFault(
                    f"the gateway has no route file {', '.join(unknown)}; it has {', '.join(spec.files)}",
                    hint="route files are listed in the world file, under gateway.files",
                )
            texts = {**spec.files, **{file.name: file.text for file in files}}
            changed = replace(spec, files=texts, version=next_version(spec.version))
            self._folder.want(self._folder.routes_file, changed)
        return _stored(changed)

    def _spec(self) -> RoutesSpec:
        spec = self._folder.routes()
        if spec is None:
            raise EnvironmentFailed(
                f"{self._folder.root} holds no sandbox", hint="start it first: gatewayctl sandbox up"
            )
        return spec


def _stored(spec: RoutesSpec) -> VersionedFiles:
    return VersionedFiles(tuple(SourceFile(name, text) for name, text in spec.files.items()), spec.version)
