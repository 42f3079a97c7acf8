"""The address that the canary's requests go to, written so that nginx can always load it, if there is a way.

nginx resolves host names when it loads its files, and does not start if one is gone. An IP address needs no resolving;
a variable is resolved for each request, if the files name a resolver. Only without either is a name written, with a
note that says so.
"""

from dataclasses import dataclass

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.hosts import Underivable, authority, canary_host, is_ip, parse_address
from gatewayctl.gateways.nginx.fallback import backup_servers, refuse_without_backup
from gatewayctl.gateways.nginx.markers import Insertion, indent_step, insertion_above
from gatewayctl.gateways.nginx.notes import Note
from gatewayctl.gateways.nginx.proxy_pass import PassTarget, ProxyPass, ProxyPasses, has_variable, is_placeholder
from gatewayctl.gateways.nginx.selector import variable_stem

_SOCKET = "unix:"
_KEPT = frozenset({"keepalive", "keepalive_requests", "keepalive_timeout", "keepalive_time"})


@dataclass(frozen=True, slots=True)
class Destination:
    """`authority` is the host and port, or the upstream, for the canary's pass.

    `prelude` are `set` lines to put before the pass, `upstream` the block that has to be inserted for it.
    """

    authority: str
    prelude: tuple[str, ...] = ()
    upstream: Insertion | None = None
    note: Note | None = None


def find_destination(passes: ProxyPasses, one: ProxyPass, target: PassTarget, rule: CanaryRule) -> Destination:
    """Where the canary's requests go instead of `target`. Raises Refused."""
    blocks = passes.upstreams.blocks
    if rule.fallback:
        refuse_without_backup(passes, one, target, rule)
    if rule.canary in blocks:
        kept = Note(
            f"the upstream {rule.canary} was not added by gatewayctl: it stays as it is, also when the rule is removed"
        )
        return Destination(rule.canary, note=kept)
    name, port = _address(passes, one, target, rule)
    unsure = not port and _may_be_upstream_elsewhere(passes, one, target)
    if unsure and passes.config.misses_files_of_http(one.directive):
        raise _unknown_port(one, target, rule)
    if _is_resolved_per_request(passes, one, target, rule, name):
        variable = f"${variable_stem(rule)}_host"
        return Destination(authority(variable, port), (f"set {variable} {name};",))
    server = authority(name, port)
    resolving = None if is_ip(name) or is_placeholder(name) else _resolving_note(one, name)
    note = resolving or (_port_note(one, target) if unsure else None)
    if target.address.host in blocks:
        upstream = _upstream(passes, target.address.host, server, rule)
        return Destination(rule.canary, upstream=upstream, note=note)
    if resolving and has_variable(target.address.uri):
        raise _unknown_address(one, rule, "variables in the URL keep nginx from looking a name up when it loads")
    return Destination(server, note=note)


def _is_resolved_per_request(
    passes: ProxyPasses, one: ProxyPass, target: PassTarget, rule: CanaryRule, name: str
) -> bool:
    """Whether the canary's name can be put into a variable, which nginx resolves for each request.

    With a fallback it cannot: only a name that is known when nginx loads may be a server of an upstream.
    """
    if is_ip(name) or rule.fallback or not passes.config.find_inherited(one.directive, "resolver").found:
        return False
    is_upstream = target.address.host in passes.upstreams.blocks
    return "." in name or bool(rule.canary_host) or bool(one.variable and not is_upstream)


def _may_be_upstream_elsewhere(passes: ProxyPasses, one: ProxyPass, target: PassTarget) -> bool:
    """Whether a name without a port may be an upstream of a file that was not given, whose port nobody knows then."""
    name = target.address.host
    if name in passes.upstreams.blocks or "." in name or is_ip(name.strip("[]")) or is_placeholder(name):
        return False
    return not passes.config.knows_http_of(one.directive)


def _port_note(one: ProxyPass, target: PassTarget) -> Note:
    return Note.at(
        one.directive,
        f"{target.address.host} is written without a port: if it is an upstream of a file not given, give that "
        "file too, or --canary-host IP:PORT",
    )


def _unknown_port(one: ProxyPass, target: PassTarget, rule: CanaryRule) -> Refused:
    name = target.address.host
    return one.directive.refusal(
        f"no file given defines the upstream {name}, and {name} is written without a port: the port of {rule.canary} "
        "is unknown",
        hint=f"give the file that defines {name} too, or the canary's address with its port: --canary-host IP:PORT",
    )


def _resolving_note(one: ProxyPass, name: str) -> Note:
    return Note.at(
        one.directive,
        f"nginx looks {name} up when it loads, and does not start once that name is gone; "
        "give the address of its Service with --canary-host IP to rule this out",
    )


def _address(passes: ProxyPasses, one: ProxyPass, target: PassTarget, rule: CanaryRule) -> tuple[str, str]:
    """The canary's host and port: those given, else those derived from stable's. Raises Refused."""
    try:
        given, given_port = parse_address(rule.canary_host) if rule.canary_host else ("", "")
        if given_port and not target.address.host.startswith(_SOCKET):
            return given, given_port
        host, port = _stable_address(passes, one, target, rule)
        if host.startswith(_SOCKET):
            is_upstream = target.address.host in passes.upstreams.blocks
            raise _unknown_address(one, rule, "stable's address is a Unix socket", hint=None if is_upstream else "")
        return given or canary_host(host.strip("[]")), port
    except Underivable as why:
        raise _unknown_address(one, rule, str(why)) from why


def _stable_address(passes: ProxyPasses, one: ProxyPass, target: PassTarget, rule: CanaryRule) -> tuple[str, str]:
    """Stable's host and port, in an upstream those of its servers. Raises Refused if these differ."""
    host, port = target.address.host, target.address.port
    if host not in passes.upstreams.blocks:
        return host, port
    servers = passes.upstreams.servers_of(host)
    hosts, ports = {server[0] for server in servers}, {server[1] for server in servers}
    if not servers:
        raise _unknown_address(one, rule, f"the upstream {host} has no servers in these files")
    if len(ports) > 1:
        raise _unknown_address(one, rule, f"the servers of the upstream {host} have {len(ports)} different ports")
    if len(hosts) > 1 and not rule.canary_host:
        raise _unknown_address(one, rule, f"the upstream {host} has {len(servers)} different servers")
    return servers[0]


def _unknown_address(one: ProxyPass, rule: CanaryRule, why: str, hint: str | None = None) -> Refused:
    reason = f"the canary's address cannot be derived from {rule.service}: {why}"
    other = (
        f"give the address of the canary's Service with --canary-host IP[:PORT], or define the upstream {rule.canary}"
    )
    return one.directive.refusal(reason, hint=other if hint is None else hint)


def _upstream(passes: ProxyPasses, stable: str, server: str, rule: CanaryRule) -> Insertion:
    """An upstream for the canary above stable's, with the same keepalive settings."""
    block = passes.upstreams.blocks[stable]
    inside = passes.config.children_of(block)
    step = indent_step(inside[0]) if inside else "    "
    kept = [f"{step}{one.name} {' '.join(one.args)};" for one in inside if one.name in _KEPT]
    servers = (f"{server} max_fails=0", *backup_servers(inside)) if rule.fallback else (server,)
    lines = (f"upstream {rule.canary} {{", *(f"{step}server {one};" for one in servers), *kept, "}")
    return insertion_above(block, lines)
