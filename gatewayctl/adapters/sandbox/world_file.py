"""Reads a world file, and reports all its faults together, each with file and line."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from gatewayctl.adapters.sandbox.products import product
from gatewayctl.adapters.sandbox.world import World
from gatewayctl.yamlfile import FileFault, YamlFile, read_yaml
from gatewayctl.yamlfile import read_bounded as read_bounded_text

_LARGEST_TEXT = 20_000_000  # bytes of one route file; the store holds it in memory


class WorldFault(FileFault):
    """A world file that cannot be used; one line per fault, each with file and line."""

    hint = "gateway-config/sandbox.yaml is a complete example"


def read_world(path: Path) -> World:
    """The world that the file `path` describes, with its folder filled in. Raises WorldFault."""
    try:
        file = read_yaml(path, "version, gateway, images and workloads")
    except FileFault as fault:
        raise WorldFault(str(fault)) from fault
    faults = [file.at(("folder",), "unknown key")] if "folder" in file.data else []
    try:
        world = World.model_validate({**file.data, "folder": str(path.resolve().parent)})
    except ValidationError as fault:
        raise WorldFault("\n".join([*faults, *file.faults(fault)])) from fault
    faults += _find_missing_files(world, file)
    if not faults:
        faults += _find_files_never_reloaded(world, file)
    if faults:
        raise WorldFault("\n".join(faults))
    return world


def read_bounded(path: Path, largest: int = _LARGEST_TEXT) -> str:
    """The exact text of a route or bootstrap file, of at most `largest` bytes. Raises WorldFault."""
    try:
        return read_bounded_text(path, largest)
    except FileFault as fault:
        raise WorldFault(str(fault)) from fault


def _find_missing_files(world: World, file: YamlFile) -> Iterator[str]:
    gateway = world.gateway
    named: list[tuple[tuple[str, ...], str]] = [(("gateway", "bootstrap"), gateway.bootstrap)]
    named += [(("gateway", "files", key), name) for key, name in gateway.files.items()]
    for keys, name in named:
        if not world.path(name).is_file():
            yield file.at(keys, f"there is no file {world.path(name)}")


def _find_files_never_reloaded(world: World, file: YamlFile) -> Iterator[str]:
    """Files that the gateway would read only at its start: a release that changes them would wait in vain."""
    gateway = world.gateway
    texts = [read_bounded(world.path(name)) for name in (gateway.bootstrap, *gateway.files.values())]
    find_fault = product(gateway.kind).find_reload_fault
    for key in gateway.files:
        faults = [find_fault(text, f"{gateway.mount.rstrip('/')}/{key}") for text in texts]
        if all(faults):
            yield file.at(("gateway", "files", key), f"{gateway.bootstrap}: {faults[0]}")
