"""The sandbox's route store: the gateway's files byte for byte, as a ConfigMap holds them."""

from dataclasses import replace
from pathlib import Path

from gatewayctl.adapters.files.locking import hold_lock
from gatewayctl.adapters.sandbox.objects import Folder, RoutesSpec, next_version
from gatewayctl.domain.errors import EnvironmentFailed, StaleWrite, UsageFault
from gatewayctl.domain.platform import VersionedFiles
from gatewayctl.domain.routing import Files, SourceFile


class SandboxRouteStore:
    """Implements ports.RouteStore. The replicas get their copies later, as in a cluster."""

    watch_delay = 1.0  # seconds

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)

    def read(self) -> VersionedFiles:
        """All files and their version. Raises EnvironmentFailed when there is no sandbox."""
        return _to_versioned_files(self._spec())

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """Replace the files named in `files`, and return all as a new version.

        Raises StaleWrite when somebody wrote since `expected`, UsageFault for the name of a file that does not exist.
        """
        with hold_lock(self._folder.root):
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
            self._folder.write_spec(self._folder.routes_file, changed)
        return _to_versioned_files(changed)

    def announce(self) -> None:
        """Nothing: the replicas look by themselves."""

    def _spec(self) -> RoutesSpec:
        spec = self._folder.routes()
        if spec is None:
            raise EnvironmentFailed(
                f"{self._folder.root} holds no sandbox", hint="start it first: gatewayctl sandbox up"
            )
        return spec


def _to_versioned_files(spec: RoutesSpec) -> VersionedFiles:
    return VersionedFiles(tuple(SourceFile(name, text) for name, text in spec.files.items()), spec.version)
