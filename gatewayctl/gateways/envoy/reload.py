"""Whether Envoy loads a changed route file by itself: only files read as xDS are reloaded, and only when moved."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from yaml.nodes import MappingNode, Node

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.envoy.fields import below, message, snake, text
from gatewayctl.gateways.envoy.locate import is_config
from gatewayctl.gateways.yamltext.fragments import Fragment, read


def reload_trouble(bootstrap: str, mount_path: str) -> str:
    """Why Envoy, started with `bootstrap`, would not load a new file at `mount_path`; empty when it would.

    `bootstrap` may also be the text of a listener file, because that is where the source of RDS files is written.
    """
    try:
        source = read(SourceFile("bootstrap", bootstrap), is_config)
        roots = [(fragment, root) for fragment in source.fragments for root in fragment.roots]
        sources = [one for fragment, root in roots for one in _find_sources(fragment, root)]
    except Refused as refusal:
        return str(refusal)
    watched = [directory for path, directory in sources if _is_same(path, mount_path)]
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
    if not any(_is_same(directory, folder) for directory in watched if directory):
        return f"it watches {next(filter(None, watched))}, but {mount_path} changes by a swap in {folder}"
    return ""


def _is_same(one: str, other: str) -> bool:
    return PurePosixPath(one) == PurePosixPath(other)


def _find_sources(fragment: Fragment, root: Node) -> Iterator[tuple[str, str]]:
    """Every file that is read as xDS, with the directory that is watched for it, or ''. Raises Refused."""
    for name, value in below(root):
        if name == "path_config_source":
            yield _read_path_source(fragment, value)
        elif name.endswith(("_config", "config_source")) and isinstance(value, MappingNode):
            plain = message(fragment, value, name).fields.get("path") if _has_path(value) else None
            if plain is not None:
                yield text(plain), ""


def _has_path(node: MappingNode) -> bool:
    keys = {snake(text(key)) for key, _ in node.value}
    return "path" in keys and keys <= {"path", "resource_api_version", "initial_fetch_timeout"}


def _read_path_source(fragment: Fragment, node: Node) -> tuple[str, str]:
    source = message(fragment, node, "path_config_source")
    return source.field("path").text, source.field("watched_directory").field("path").text
