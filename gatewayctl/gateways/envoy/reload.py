"""Whether a changed route file becomes live by itself: Envoy reloads files by xDS only, and by moves only."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from yaml.nodes import MappingNode, Node

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.envoy.fields import below, message, snake, text
from gatewayctl.gateways.envoy.locate import is_config
from gatewayctl.gateways.yamltext.fragments import Fragment, read


def reload_trouble(bootstrap: str, mount_path: str) -> str:
    """Why Envoy, started with `bootstrap`, would not see a new file at `mount_path`; nothing when it would.

    A listener file may be given in place of a bootstrap, because that is where the source of RDS files stands.
    """
    try:
        source = read(SourceFile("bootstrap", bootstrap), is_config)
        found = [one for fragment in source.fragments for root in fragment.roots for one in _sources(fragment, root)]
    except Refused as why:
        return str(why)
    watched = [directory for path, directory in found if _same(path, mount_path)]
    if not watched:
        static = "static_resources" in bootstrap or "staticResources" in bootstrap
        tail = "; static resources are never reloaded: routes have to come by RDS or LDS from a file" if static else ""
        return f"nothing in it reads {mount_path} as xDS{tail}"
    folder = str(PurePosixPath(mount_path).parent)
    if not any(watched):
        return (
            f"it reads {mount_path} without watched_directory: a mounted ConfigMap changes by a swap of its folder, "
            f"which is not seen then; add watched_directory: {{path: {folder}}}"
        )
    if not any(_same(directory, folder) for directory in watched if directory):
        return f"it watches {next(filter(None, watched))}, but {mount_path} changes by a swap in {folder}"
    return ""


def _same(one: str, other: str) -> bool:
    return PurePosixPath(one) == PurePosixPath(other)


def _sources(fragment: Fragment, root: Node) -> Iterator[tuple[str, str]]:
    """Every file that is read as xDS, with the directory watched for it. Raises Refused."""
    for name, value in below(root):
        if name == "path_config_source":
            yield _path_source(fragment, value)
        elif name.endswith(("_config", "config_source")) and isinstance(value, MappingNode):
            plain = message(fragment, value, name).fields.get("path") if _has_path(value) else None
            if plain is not None:
                yield text(plain), ""


def _has_path(node: MappingNode) -> bool:
    keys = {snake(text(key)) for key, _ in node.value}
    return "path" in keys and keys <= {"path", "resource_api_version", "initial_fetch_timeout"}


def _path_source(fragment: Fragment, node: Node) -> tuple[str, str]:
    found = message(fragment, node, "path_config_source")
    return found.field("path").text, found.field("watched_directory").field("path").text
