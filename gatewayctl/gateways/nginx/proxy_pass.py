"""Where a location sends: every address its proxy_pass may turn out to be, through upstreams, variables and maps."""

import re
from dataclasses import dataclass, replace
from functools import cached_property

from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.tree import Directive

PASSES = frozenset({"proxy_pass", "grpc_pass"})
UNSUPPORTED_PASSES = frozenset({"fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass"})
_MAPS = frozenset({"map", "geo", "split_clients"})
_DEFINING = _MAPS | {"upstream", "set"}
_REQUEST = r"\$\{?(?:request_uri|uri|document_uri|is_args|args|query_string)\b"  # where a URI may begin without a slash
_URL = re.compile(
    rf"(?:(?P<scheme>https?|grpcs?)://)?(?P<to>\[[^\]]*\](?::\d+)?|(?:(?!{_REQUEST})[^/?])*)(?P<uri>.*)",
    re.DOTALL | re.IGNORECASE,
)
_PORT = re.compile(r"(?P<host>\[[^\]]*\]|.*?)(?::(?P<port>\$\w+|\$?\{[^}]*\}|\d+|\{\{.*?\}\}))?", re.DOTALL)
_PLACEHOLDER = re.compile(r"\$\{[A-Z][A-Z0-9_]*\}")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_DEFAULT_PORT = {"http": "80", "https": "443", "grpc": "80", "grpcs": "443"}


@dataclass(frozen=True, slots=True)
class PassAddress:
    """One address as written: `port` and `uri` may be empty; `host` is the name of an upstream, or a host."""

    scheme: str
    host: str
    port: str
    uri: str

    @property
    def authority(self) -> str:
        """Host and port as nginx calls them in a Host header: without the scheme's own port."""
        plain = not self.port or self.port == _DEFAULT_PORT.get(self.scheme)
        return self.host if plain else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PassTarget:
    """One address, and the value of the pass's variable for which it is taken; no value: always."""

    address: PassAddress
    value: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ProxyPass:
    """One directive that sends requests on. `container` is the location or `if` it stands in, where the files tell."""

    directive: Directive
    container: Directive | None
    url: PassAddress
    variable: str
    choices: tuple[PassTarget, ...]

    @property
    def module(self) -> str:
        """The prefix of the directives that shape what it sends: proxy or grpc."""
        return self.directive.name.removesuffix("_pass")


class Upstreams:
    """The upstream blocks of a configuration, and what its variables may be."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.blocks: dict[str, Directive] = {}
        self.maps: dict[str, list[Directive]] = {}
        self._sets: dict[str, list[Directive]] = {}
        for one in config.walk():
            if one.name not in _DEFINING or _is_stream(config, one):
                continue
            if one.name == "upstream" and one.args:
                self.blocks.setdefault(one.values[0], one)
            elif one.name in _MAPS and one.args and one.children is not None:
                self.maps.setdefault(one.values[-1].lstrip("$"), []).append(one)
            elif one.name == "set" and len(one.args) == 2:
                self._sets.setdefault(one.values[0].lstrip("$"), []).append(one)

    def servers_of(self, name: str) -> list[tuple[str, str]]:
        """Host and port of an upstream's servers."""
        found = [one for one in self._config.children_of(self.blocks[name]) if one.name == "server" and one.args]
        return [split_port(one.values[0]) for one in found]

    def defines(self, variable: str) -> bool:
        """Whether the files say what this variable is."""
        return variable in self.maps or variable in self._sets

    def values_of(self, variable: str, beside: Directive) -> tuple[str, ...]:
        """What `$variable` may be at a place, as far as the files tell."""
        maps = self.maps.get(variable, [])
        if maps:
            return tuple(dict.fromkeys(value for one in maps for value in _map_values(one)))
        for block in self._config.blocks_around(beside):
            inside = [one for one in self._sets.get(variable, []) if block in (one.parent, _location_of_if(one.parent))]
            if inside:
                return tuple(dict.fromkeys(one.values[1] for one in inside))
        everywhere = self._sets.get(variable, [])
        return tuple(dict.fromkeys(one.values[1] for one in everywhere))

    def is_service(self, address: PassAddress, service: str) -> bool:
        """Whether an address means the service: by upstream, by host, by host and port, or by full name."""
        if _is_service(address.host, address.port, service):
            return True
        if address.host not in self.blocks:
            return False
        servers = self.servers_of(address.host)
        return bool(servers) and all(_is_service(*server, service) for server in servers)


@dataclass(eq=False)
class ProxyPasses:
    """Every pass of a configuration."""

    config: Config

    @cached_property
    def upstreams(self) -> Upstreams:
        """What its names and variables mean."""
        return Upstreams(self.config)

    def read_all(self) -> list[ProxyPass]:
        """In file order; those of `stream` are not among them."""
        found = [one for one in self.config.walk() if one.name in PASSES and one.args]
        return [self._read(one) for one in found if self._is_http(one)]

    def _is_http(self, one: Directive) -> bool:
        block = self.config.parent_of(one)
        return not _is_stream(self.config, one) and (block is None or block.name != "server")

    def _read(self, one: Directive) -> ProxyPass:
        value, settled = self._substitute(one)
        url = parse_address(value)
        url = replace(url, port=self._constant(_VARIABLE.fullmatch(url.port), one) or url.port)
        container = self.config.parent_of(one)
        whole = _VARIABLE.fullmatch(value)
        host = _VARIABLE.fullmatch(url.host)
        found = whole or host
        if found is None:
            return ProxyPass(one, container, url, settled, (PassTarget(url),))
        variable = found[1] or found[2]
        if not self.upstreams.defines(variable):
            if _PLACEHOLDER.fullmatch(found.group()):
                return ProxyPass(one, container, url, "", (PassTarget(url),))
            return ProxyPass(one, container, url, variable, ())
        choices = []
        for text in self.upstreams.values_of(variable, one):
            if whole:
                choices.append(PassTarget(parse_address(text), text))
            else:
                name, port = split_port(text)
                choices.append(PassTarget(PassAddress(url.scheme, name, url.port or port, url.uri), text))
        if len(choices) == 1 and not whole:
            choices = [PassTarget(choices[0].address)]
        return ProxyPass(one, container, url, variable, tuple(choices))

    def _substitute(self, one: Directive) -> tuple[str, str]:
        """A pass's argument, and the variable before its host that was written out in it, where it has one value.

        Such are `$proto://$host:$port` and `$stable$request_uri`. A variable that is all of it may have several values.
        """
        value = one.values[0]
        first = _VARIABLE.match(value)
        if first is None or first.end() == len(value):
            return value, ""
        known, rest = self._constant(first, one), value[first.end() :]
        if known and ("://" in known or rest.startswith("://")):
            return known + rest, first[1] or first[2]
        return value, ""

    def _constant(self, found: re.Match[str] | None, beside: Directive) -> str:
        """The one value of a variable at a place; nothing where it has several, or one that has to be computed."""
        values = self.upstreams.values_of(found[1] or found[2], beside) if found else ()
        return values[0] if len(values) == 1 and not has_variable(values[0]) else ""


def parse_address(value: str) -> PassAddress:
    """A pass's argument in its parts."""
    found = _URL.fullmatch(value)
    if found is None:
        return PassAddress("", value, "", "")
    host, port = split_port(found["to"])
    return PassAddress((found["scheme"] or "").lower(), host, port, found["uri"])


def split_port(authority: str) -> tuple[str, str]:
    """Host and port; `unix:` addresses stay whole."""
    if authority.startswith("unix:"):
        return authority, ""
    found = _PORT.fullmatch(authority)
    return (found["host"], found["port"] or "") if found else (authority, "")


def has_variable(text: str) -> bool:
    """Whether nginx computes this text for each request; what an environment fills in beforehand does not count."""
    return "$" in _PLACEHOLDER.sub("", text)


def is_placeholder(host: str) -> bool:
    """Whether something fills this host in before nginx reads it."""
    return _PLACEHOLDER.search(host) is not None or "{{" in host


def _is_stream(config: Config, one: Directive) -> bool:
    """Whether it stands in `stream`, whose upstreams and variables are of a world of their own."""
    return any(block.name == "stream" for block in config.blocks_around(one))


def _is_service(host: str, port: str, service: str) -> bool:
    if service in (host, f"{host}:{port}"):
        return True
    first, dot, rest = host.partition(".")
    return bool(dot) and "." not in service and first == service and rest.split(".")[1:2] == ["svc"]


def _location_of_if(block: Directive | None) -> Directive | None:
    """The location around an `if`."""
    return block.parent if block is not None and block.name == "if" else None


def _map_values(chooser: Directive) -> list[str]:
    skipped = {"hostnames", "volatile", "include", "proxy", "proxy_recursive", "ranges", "delete"}
    rows = [one for one in chooser.children or () if one.name not in skipped and one.args]
    return [one.values[0] for one in rows]
