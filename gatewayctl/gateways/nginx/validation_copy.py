"""A copy of the configuration that `nginx -t` can check on this machine, without anything else of the gateway.

`nginx -t` resolves host names, opens certificates, logs and caches, and binds ports. The copy replaces each of these by
something that exists here. Syntax, contexts, variables and the meaning of the directives stay for nginx to judge.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from gatewayctl.domain.routing import Files
from gatewayctl.gateways.hosts import is_ip
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.levels import PASSES, UNSUPPORTED_PASSES, level_of
from gatewayctl.gateways.nginx.proxy_pass import parse_address, split_port
from gatewayctl.gateways.nginx.tree import Directive

_HERE = "127.0.0.1"
_TEMP_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
# Directives that need a file, a user, a module or a permission of the gateway, and decide nothing about routes.
_LEFT_OUT = re.compile(
    r"user|pid|daemon|lock_file|error_log|load_module|include|master_process|worker_priority|worker_cpu_affinity"
    r"|ssl_(?!certificate|protocols|ciphers|session_cache|session_timeout|preread|prefer_server_ciphers).*"
    r"|(proxy|grpc|uwsgi)_ssl_(certificate.*|trusted_certificate|verify.*|crl|password_file)"
    r"|(client_body|proxy|fastcgi|uwsgi|scgi)_temp_path|xslt_stylesheet|perl_modules|perl_require|geoip2?_.*|working_directory"
)
_ALL_PASSES = PASSES | UNSUPPORTED_PASSES
_ENVIRONMENT = re.compile(r"\$\{[A-Z][A-Z0-9_]*\}")
_LISTEN_PARAMETERS = frozenset({"default_server", "default", "ssl", "http2", "proxy_protocol", "deferred"})


@dataclass(frozen=True, slots=True)
class Gaps:
    """What the gateway's nginx has and the nginx here lacks: directives to leave out, variables to define as empty."""

    directives: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()


def build_copy(files: Files, folder: str, gaps: Gaps) -> str:
    """The text of one file for `nginx -t`, which may create files in `folder`. Raises Refused."""
    return "\n".join(_CopyWriter(Config(files), folder, gaps).write()) + "\n"


def _by_level(config: Config) -> dict[str, list[Directive]]:
    """The directives of all files, with includes expanded, by the level they belong to."""
    levels: dict[str, list[Directive]] = {"main": [], "http": [], "server": [], "location": []}
    for text in config.texts:
        if not config.is_included(text):
            directives = list(config.top_level_of(text))
            levels[level_of(directives)] += directives
    return levels


class _CopyWriter:
    def __init__(self, config: Config, folder: str, gaps: Gaps) -> None:
        self._config, self._folder, self._gaps = config, folder, gaps
        self._upstreams = {one.values[0] for one in config.walk() if one.name == "upstream" and one.args}
        self._sockets: dict[str, str] = {}
        # What the arguments of a directive become, from the arguments as written.
        self._replacements: dict[str, Callable[[list[str], Directive], list[str]]] = {
            **dict.fromkeys(_ALL_PASSES, self._pass_arguments),
            "listen": self._listen_arguments,
            "server": self._server_arguments,
            "resolver": self._resolver_arguments,
            "ssl_certificate": _certificate_arguments,
            "ssl_certificate_key": _certificate_arguments,
            "access_log": _access_log_arguments,
            "proxy_cache_path": self._cache_path_arguments,
            "fastcgi_cache_path": self._cache_path_arguments,
            "set_real_ip_from": lambda *_: [_HERE],
        }

    def write(self) -> Iterator[str]:
        """The lines of the copy, each directive at the level where nginx would read it."""
        levels = _by_level(self._config)
        main = levels["main"]
        yield f"pid {self._folder}/pid;"
        if not any(one.name == "events" for one in main):
            yield "events {}"
        yield from self._lines(one for one in main if one.name != "http")
        yield "http {"
        yield from self._http_lines(main)
        yield from self._lines(levels["http"])
        yield from self._server_lines(levels["server"], levels["location"])
        yield "}"

    def _http_lines(self, main: Iterable[Directive]) -> Iterator[str]:
        """What nginx needs to start here, then the content of every http block."""
        for kind in _TEMP_PATHS:
            yield f"{kind}_temp_path {self._folder}/{kind};"
        for name in sorted(self._gaps.variables):
            yield f'map $host ${name} {{ default ""; }}'
        for block in main:
            if block.name == "http":
                yield from self._lines(self._config.children_of(block))

    def _server_lines(self, in_server: list[Directive], in_location: list[Directive]) -> Iterator[str]:
        """A server around the files that hold only a part of one."""
        if not in_server and not in_location:
            return
        yield f"server {{ listen unix:{self._folder}/fragment;"
        yield from self._lines(in_server)
        if in_location:
            yield "location /gatewayctl {"
            yield from self._lines(in_location)
            yield "}"
        yield "}"

    def _lines(self, directives: Iterable[Directive]) -> Iterator[str]:
        for one in directives:
            if one.name not in self._gaps.directives and not _LEFT_OUT.fullmatch(one.name):
                yield from self._directive_lines(one)

    def _directive_lines(self, one: Directive) -> Iterator[str]:
        if one.children is None and one.opened:  # a block in another language, such as Lua
            yield one.text.fragment.text[one.start : one.end]
            return
        words = " ".join((_quote_name(one.name), *self._arguments(one)))
        if one.children is None:
            yield f"{words};"
            return
        children = self._config.children_of(one)
        yield f"{words} {{"
        if one.name == "server" and not any(child.name == "listen" for child in children):
            yield f"listen {self._socket('80')};"
        yield from self._lines(children)
        yield "}"

    def _arguments(self, one: Directive) -> list[str]:
        """The directive's arguments, without what does not exist on this machine."""
        args = [_fill_environment(arg) for arg in one.args]
        replace = self._replacements.get(one.name)
        return replace(args, one) if args and replace else args

    def _pass_arguments(self, args: list[str], one: Directive) -> list[str]:
        value = _fill_environment(one.values[0])
        url = parse_address(value)
        if not url.host or "$" in url.host or url.host in self._upstreams or url.host.startswith("unix"):
            return args[:1]
        return [args[0].replace(url.host, self._address(url.host), 1)]

    def _listen_arguments(self, args: list[str], one: Directive) -> list[str]:
        kept = [arg for arg in args[1:] if arg in _LISTEN_PARAMETERS]
        return [self._socket(_fill_environment(one.values[0])), *kept]

    def _server_arguments(self, args: list[str], one: Directive) -> list[str]:
        """Of a server in an upstream; a server block stays as it is."""
        if one.children is not None:
            return args
        return [self._address(_fill_environment(one.values[0])), *(arg for arg in args[1:] if arg != "resolve")]

    def _resolver_arguments(self, args: list[str], _: Directive) -> list[str]:
        return [arg if "=" in arg else self._address(arg) for arg in args]

    def _cache_path_arguments(self, args: list[str], one: Directive) -> list[str]:
        return [f"{self._folder}/cache{abs(hash(_fill_environment(one.values[0])))}", *args[1:]]

    def _address(self, authority: str) -> str:
        """`authority`, with an address of this machine in place of a name that would have to be resolved."""
        host, port = split_port(authority)
        if is_ip(host.strip("[]")) or host.startswith("unix:") or "$" in host:
            return authority
        return f"{_HERE}:{port}" if port else _HERE

    def _socket(self, address: str) -> str:
        """A socket to listen on in place of `address`: the same one for the same address."""
        path = self._sockets.setdefault(address, f"{self._folder}/{len(self._sockets)}")
        return f"unix:{path}"


def _certificate_arguments(*_: object) -> list[str]:
    return ["$host"]  # with a variable in its name, nginx opens the file only when a client connects


def _access_log_arguments(args: list[str], one: Directive) -> list[str]:
    if _fill_environment(one.values[0]) == "off":
        return args
    return ["/dev/null", *(arg for arg in args[1:2] if "=" not in arg)]


def _fill_environment(text: str) -> str:
    """`text` with an address for each `${NAME}` that the environment would fill in."""
    return _ENVIRONMENT.sub(_HERE, text)


def _quote_name(name: str) -> str:
    return name if re.fullmatch(r"[\w.*~^/:-]+", name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
