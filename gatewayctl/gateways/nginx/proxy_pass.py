"""Where a location sends requests: every address its proxy_pass may have, through upstreams, variables and maps."""

import re
from dataclasses import dataclass, replace
from functools import cached_property

from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.levels import PASSES
from gatewayctl.gateways.nginx.tree import Directive

_MAPS = frozenset({"map", "geo", "split_clients"})
_DEFINING = _MAPS | {"upstream", "set"}
# Variables of the request: a URI may begin with one of them instead of a slash.
_REQUEST = r"\$\{?(?:request_uri|uri|document_uri|is_args|args|query_string)\b"
_URL = re.compile(
    rf"(?:(?P<scheme>https?|grpcs?)://)?(?P<to>\[[^\]]*\](?::\d+)?|(?:(?!{_REQUEST})[^/?])*)(?P<uri>.*)",
    re.DOTALL | re.IGNORECASE,
)
_PORT = re.compile(r"(?P<host>\[[^\]]*\]|.*?)(?::(?P<port>\$\w+|\$?\{[^{}]*\}|\d+|\{\{[^{}]*\}\}))?", re.DOTALL)
_PLACEHOLDER = re.compile(r"\$\{[A-Z][A-Z0-9_]*\}")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# Parameters of a map, geo or split_clients block, which look like its entries.
_MAP_PARAMETERS = frozenset({"hostnames", "volatile", "include", "proxy", "proxy_recursive", "ranges", "delete"})
_DEFAULT_PORT = {"http": "80", "https": "443", "grpc": "80", "grpcs": "443"}


@dataclass(frozen=True, slots=True)
class PassAddress:
    """The parts of a pass's argument as written: `host` is an upstream's name or a host; all but it may be empty."""

    scheme: str
    host: str
    port: str
    uri: str

    @property
    def authority(self) -> str:
        """Host and port as nginx writes them into a Host header: without the default port of the scheme."""
        plain = not self.port or self.port == _DEFAULT_PORT.get(self.scheme)
        return self.host if plain else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PassTarget:
    """One address that a pass may send to, and the value of its variable that selects it; no value: always."""

    address: PassAddress
    value: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ProxyPass:
    """One proxy_pass or grpc_pass. `container` is the block around it (a location or an `if`), None where unknown.

    `url` is its argument, `variable` the name of the variable that selects the target; empty without one. There are no
    `targets` where no file given defines the variable.
    """

    directive: Directive
    container: Directive | None
    url: PassAddress
    variable: str
    targets: tuple[PassTarget, ...]

    @property
    def module(self) -> str:
        """The prefix of the directives that shape the proxied request: proxy or grpc."""
        return self.directive.name.removesuffix("_pass")


class Upstreams:
    """The upstream blocks of a configuration, and the values that its variables may have."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.blocks: dict[str, Directive] = {}
        self.maps: dict[str, list[Directive]] = {}
        self._sets: dict[str, list[Directive]] = {}
        for one in config.walk():
            if one.name in _DEFINING and one.args and not _is_in_stream(config, one):
                self._add(one)

    def _add(self, one: Directive) -> None:
        if one.name == "upstream":
            self.blocks.setdefault(one.values[0], one)
        elif one.name in _MAPS and one.children is not None:
            self.maps.setdefault(one.values[-1].lstrip("$"), []).append(one)
        elif one.name == "set" and len(one.args) == 2:
            self._sets.setdefault(one.values[0].lstrip("$"), []).append(one)

    def servers_of(self, name: str) -> list[tuple[str, str]]:
        """Host and port of each server of an upstream."""
        servers = [one for one in self._config.children_of(self.blocks[name]) if one.name == "server" and one.args]
        return [split_port(server.values[0]) for server in servers]

    def defines(self, variable: str) -> bool:
        """Whether the files give this variable a value."""
        return variable in self.maps or variable in self._sets

    def values_of(self, variable: str, beside: Directive) -> tuple[str, ...]:
        """The values that `$variable` may have beside a directive, as far as the files show."""
        maps = self.maps.get(variable, [])
        if maps:
            return tuple(dict.fromkeys(value for one in maps for value in _map_values(one)))
        sets = self._sets.get(variable, [])
        for block in self._config.blocks_around(beside):
            inside = [one for one in sets if block in (one.parent, _location_of_if(one.parent))]
            if inside:
                sets = inside
                break
        return tuple(dict.fromkeys(one.values[1] for one in sets))

    def is_service(self, address: PassAddress, service: str) -> bool:
        """Whether an address stands for the service: as upstream, host, host and port, or full name in the cluster."""
        if _is_service(address.host, address.port, service):
            return True
        if address.host not in self.blocks:
            return False
        servers = self.servers_of(address.host)
        return bool(servers) and all(_is_service(*server, service) for server in servers)


@dataclass(eq=False)
class ProxyPasses:
    """The passes of a configuration."""

    config: Config

    @cached_property
    def upstreams(self) -> Upstreams:
        """The upstreams and variables that the passes refer to."""
        return Upstreams(self.config)

    def read_all(self) -> list[ProxyPass]:
        """Every pass of `http`, in the order of the files; not those of `stream`."""
        found = [one for one in self.config.walk() if one.name in PASSES and one.args]
        return [self._read(one) for one in found if self._is_http(one)]

    def _is_http(self, one: Directive) -> bool:
        block = self.config.parent_of(one)
        return not _is_in_stream(self.config, one) and (block is None or block.name != "server")

    def _read(self, one: Directive) -> ProxyPass:
        value, substituted = self._substitute(one)
        url = parse_address(value)
        url = replace(url, port=self._constant(_VARIABLE.fullmatch(url.port), one) or url.port)
        container = self.config.parent_of(one)
        whole = _VARIABLE.fullmatch(value)
        found = whole or _VARIABLE.fullmatch(url.host)
        if found is None:
            return ProxyPass(one, container, url, substituted, (PassTarget(url),))
        variable = found[1] or found[2]
        if self.upstreams.defines(variable):
            return ProxyPass(one, container, url, variable, self._targets(variable, one, None if whole else url))
        if _PLACEHOLDER.fullmatch(found.group()):
            return ProxyPass(one, container, url, "", (PassTarget(url),))
        return ProxyPass(one, container, url, variable, ())

    def _targets(self, variable: str, one: Directive, url: PassAddress | None) -> tuple[PassTarget, ...]:
        """A target for each value of a variable: the host of `url`, or the whole argument if `url` is None."""
        values = self.upstreams.values_of(variable, one)
        if url is None:
            return tuple(PassTarget(parse_address(value), value) for value in values)
        hosts = [split_port(value) for value in values]
        addresses = [PassAddress(url.scheme, host, url.port or port, url.uri) for host, port in hosts]
        if len(values) == 1:
            return (PassTarget(addresses[0]),)
        return tuple(PassTarget(address, value) for address, value in zip(addresses, values, strict=True))

    def _substitute(self, one: Directive) -> tuple[str, str]:
        """A pass's argument with the variable at its start replaced by its one value, and that variable's name.

        Such arguments are `$proto://$host:$port` and `$stable$request_uri`. An argument that is nothing but a variable
        stays as it is, since the variable may have several values.
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
        """The value of a variable beside a directive; empty if it has several, or one that nginx computes."""
        values = self.upstreams.values_of(found[1] or found[2], beside) if found else ()
        return values[0] if len(values) == 1 and not has_variable(values[0]) else ""


def parse_address(value: str) -> PassAddress:
    """A pass's argument split into its parts."""
    found = _URL.fullmatch(value)
    if found is None:
        return PassAddress("", value, "", "")
    host, port = split_port(found["to"])
    return PassAddress((found["scheme"] or "").lower(), host, port, found["uri"])


def split_port(authority: str) -> tuple[str, str]:
    """Host and port, which may be empty; the path of a Unix socket counts as host."""
    if authority.startswith("unix:"):
        return authority, ""
    found = _PORT.fullmatch(authority)
    return (found["host"], found["port"] or "") if found else (authority, "")


def has_variable(text: str) -> bool:
    """Whether nginx computes this text for each request; a `${NAME}` that the environment fills in does not count."""
    return "$" in _PLACEHOLDER.sub("", text)


def is_placeholder(host: str) -> bool:
    """Whether the environment or a template fills this host in before nginx reads it."""
    return _PLACEHOLDER.search(host) is not None or "{{" in host


def _is_in_stream(config: Config, one: Directive) -> bool:
    """Whether a directive is in `stream`, whose upstreams and variables are separate from those of `http`."""
    return any(block.name == "stream" for block in config.blocks_around(one))


def _is_service(host: str, port: str, service: str) -> bool:
    if service in (host, f"{host}:{port}"):
        return True
    first, dot, rest = host.partition(".")
    return bool(dot) and "." not in service and first == service and rest.split(".")[1:2] == ["svc"]


def _location_of_if(block: Directive | None) -> Directive | None:
    """The block around an `if`; None for another block."""
    return block.parent if block is not None and block.name == "if" else None


def _map_values(block: Directive) -> list[str]:
    entries = [one for one in block.children or () if one.name not in _MAP_PARAMETERS and one.args]
    return [entry.values[0] for entry in entries]
