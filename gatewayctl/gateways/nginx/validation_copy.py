"""A copy of configuration files that nginx can try here: same directives, but nothing of the gateway's surroundings.

`nginx -t` looks names up, opens certificates, logs and caches and takes its ports. Each of these is exchanged for
something that is here; syntax, contexts, variables and the meaning of the directives are left for nginx to judge.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gatewayctl.domain.routing import Files
from gatewayctl.gateways.hosts import is_ip
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.proxy_pass import PASSES, UNSUPPORTED_PASSES, parse_address, split_port
from gatewayctl.gateways.nginx.tree import Directive

_HERE = "127.0.0.1"
_TEMPS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
# What needs a file, a user, a module or a right of the gateway's own, and decides nothing about routes.
_DROPPED = re.compile(
    r"user|pid|daemon|lock_file|error_log|load_module|include|master_process|worker_priority|worker_cpu_affinity"
    r"|ssl_(?!certificate|protocols|ciphers|session_cache|session_timeout|preread|prefer_server_ciphers).*"
    r"|(proxy|grpc|uwsgi)_ssl_(certificate.*|trusted_certificate|verify.*|crl|password_file)"
    r"|(client_body|proxy|fastcgi|uwsgi|scgi)_temp_path|xslt_stylesheet|perl_modules|perl_require|geoip2?_.*|working_directory"
)
_MAIN = frozenset({"http", "events", "stream", "mail"})
_IN_SERVER = frozenset({"location", "rewrite", "if", "return", "listen", "server_name"})
_IN_LOCATION = PASSES | UNSUPPORTED_PASSES
_ENVIRONMENT = re.compile(r"\$\{[A-Z][A-Z0-9_]*\}")
_KEPT_PARAMETERS = frozenset({"default_server", "default", "ssl", "http2", "proxy_protocol", "deferred"})


@dataclass(frozen=True, slots=True)
class Gaps:
    """What the nginx here does not know and its gateway's does: left out, or made up."""

    directives: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()


def build_copy(files: Files, folder: str, gaps: Gaps) -> str:
    """One text for `nginx -t`; `folder` is where it may make files. Raises Refused."""
    return "\n".join(_CopyWriter(Config(files), folder, gaps).whole()) + "\n"


class _CopyWriter:
    def __init__(self, config: Config, folder: str, gaps: Gaps) -> None:
        self._config, self._folder, self._gaps = config, folder, gaps
        self._upstreams = {one.values[0] for one in config.walk() if one.name == "upstream" and one.args}
        self._sockets: dict[str, str] = {}

    def whole(self) -> Iterator[str]:
        """Files of every level, put where nginx would read them."""
        included = {id(text) for text in self._config.texts if self._config.is_included(text)}
        roots = [list(self._config.top_level_of(text)) for text in self._config.texts if id(text) not in included]
        main = [one for found in roots if _has(found, _MAIN) for one in found]
        rest = [found for found in roots if not _has(found, _MAIN)]
        in_location = [one for found in rest if _has(found, _IN_LOCATION) for one in found]
        in_server = [
            one for found in rest if _has(found, _IN_SERVER) and not _has(found, _IN_LOCATION) for one in found
        ]
        in_http = [one for found in rest if not _has(found, _IN_SERVER | _IN_LOCATION) for one in found]
        yield f"pid {self._folder}/pid;"
        if not any(one.name == "events" for one in main):
            yield "events {}"
        yield from self._lines([one for one in main if one.name != "http"])
        yield "http {"
        for kind in _TEMPS:
            yield f"{kind}_temp_path {self._folder}/{kind};"
        yield from (f'map $host ${name} {{ default ""; }}' for name in sorted(self._gaps.variables))
        for block in main:
            if block.name == "http":
                yield from self._lines(self._config.children_of(block))
        yield from self._lines(in_http)
        if in_server or in_location:
            yield f"server {{ listen unix:{self._folder}/fragment;"
            yield from self._lines(in_server)
            if in_location:
                yield "location /gatewayctl {"
                yield from self._lines(in_location)
                yield "}"
            yield "}"
        yield "}"

    def _lines(self, found: Iterable[Directive]) -> Iterator[str]:
        for one in found:
            if one.name in self._gaps.directives or _DROPPED.fullmatch(one.name):
                continue
            if one.children is None and one.opened:  # a block in another language
                yield one.text.unit.text[one.start : one.end]
                continue
            words = " ".join((_named(one.name), *self._words(one)))
            if one.children is None:
                yield f"{words};"
                continue
            yield f"{words} {{"
            if one.name == "server" and not any(child.name == "listen" for child in self._config.children_of(one)):
                yield f"listen {self._socket('80')};"
            yield from self._lines(self._config.children_of(one))
            yield "}"

    def _words(self, one: Directive) -> list[str]:
        words = [_ENVIRONMENT.sub(_HERE, word) for word in one.args]
        values = [_ENVIRONMENT.sub(_HERE, value) for value in one.values]
        if not words:
            return words
        if one.name in _IN_LOCATION:
            return [self._url(values[0], words[0])]
        if one.name == "listen":
            kept = [word for word in words[1:] if word in _KEPT_PARAMETERS]
            return [self._socket(values[0]), *kept]
        if one.name == "server" and one.children is None:
            return [self._host(values[0]), *[word for word in words[1:] if word != "resolve"]]
        if one.name == "resolver":
            return [word if "=" in word else self._host(word) for word in words]
        if one.name in {"ssl_certificate", "ssl_certificate_key"}:
            return ["$host"]  # with a variable in its name, nginx opens it only when a client comes
        if one.name == "access_log" and values[0] != "off":
            return ["/dev/null", *[word for word in words[1:2] if "=" not in word]]
        if one.name in {"proxy_cache_path", "fastcgi_cache_path"}:
            return [f"{self._folder}/cache{abs(hash(values[0]))}", *words[1:]]
        if one.name == "set_real_ip_from":
            return [_HERE]
        return words

    def _url(self, value: str, word: str) -> str:
        url = parse_address(value)
        if "$" in url.host or url.host in self._upstreams or url.host.startswith("unix"):
            return word
        return word.replace(url.host, self._host(url.host), 1) if url.host else word

    def _host(self, authority: str) -> str:
        host, port = split_port(authority)
        if is_ip(host.strip("[]")) or host.startswith("unix:") or "$" in host:
            return authority
        return f"{_HERE}:{port}" if port else _HERE

    def _socket(self, listened: str) -> str:
        path = self._sockets.setdefault(listened, f"{self._folder}/{len(self._sockets)}")
        return f"unix:{path}"


def _has(found: Iterable[Directive], names: Iterable[str]) -> bool:
    return any(one.name in names for one in found)


def _named(name: str) -> str:
    return name if re.fullmatch(r"[\w.*~^/:-]+", name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
