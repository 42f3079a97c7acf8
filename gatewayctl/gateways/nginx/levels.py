"""At which level of nginx's configuration the content of a file belongs: main, http, server, location or stream."""

from collections.abc import Iterable

from gatewayctl.gateways.nginx.tree import Directive

PASSES = frozenset({"proxy_pass", "grpc_pass"})
UNSUPPORTED_PASSES = frozenset({"fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass"})
_MAIN = frozenset({"http", "events", "stream", "mail", "load_module", "user", "worker_processes"})
_SERVER = frozenset({"location", "rewrite", "if", "return", "listen", "server_name"})
# The first row of which a file has a directive.
_LEVELS = (("main", _MAIN), ("location", PASSES | UNSUPPORTED_PASSES), ("server", _SERVER))


def level_of(directives: Iterable[Directive]) -> str:
    """The level at which these directives belong; `http` where none of them shows another one."""
    names = {directive.name for directive in directives}
    return next((level for level, known in _LEVELS if names & known), "http")


def fits(include: Directive, roots: Iterable[Directive]) -> bool:
    """Whether nginx would load a file with these directives where `include` stands."""
    directives = [one for one in roots if one.name != "include"]
    shown = _shown_level(directives)
    place = _level_around(include)
    return not shown or not place or shown == place


def _shown_level(directives: list[Directive]) -> str:
    """The level that the directives show; empty where they may belong at several."""
    level = level_of(directives)
    if level != "http":
        return level
    servers = [one for one in directives if one.name == "server" and one.children is not None]
    if not servers:
        return ""
    in_stream = all(any(child.name in PASSES for child in one.children or ()) for one in servers)
    return "stream" if in_stream else "http"


def _level_around(include: Directive) -> str:
    """The level of an include; empty where it is unknown, or takes what the files cannot show."""
    if include.parent is None:
        return "main" if level_of(include.text.roots) == "main" else ""
    name = include.parent.name
    return {"if": "location", "limit_except": "location"}.get(name, name)
