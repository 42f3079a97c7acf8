"""Where a canary's requests go: its Service's address, written so that nginx can always load it, if any way is known.

nginx looks names up when it loads, and does not start when one is gone. An IP address needs no lookup; a variable is
looked up for each request, where the files name a resolver. Only without both is a name written, and that is said.
"""

from dataclasses import dataclass

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.hosts import Underivable, authority, canary_host, is_ip, parse_address
from gatewayctl.gateways.nginx.fallback import backups, refuse_without_backup
from gatewayctl.gateways.nginx.markers import Piece, above, step_of
from gatewayctl.gateways.nginx.proxy_pass import Choice, Pass, Passes, has_variable, is_placeholder

_SOCKET = "unix:"
_KEPT = frozenset({"keepalive", "keepalive_requests", "keepalive_timeout", "keepalive_time"})


@dataclass(frozen=True, slots=True)
class Destination:
    """`authority` as a pass names it, after the steps in `prelude`; `upstream` is the block that has to define it."""

    authority: str
    prelude: tuple[str, ...] = ()
    upstream: Piece | None = None
    note: str = ""


def identifier(rule: CanaryRule) -> str:
    """The stem of our variables' names."""
    return "gatewayctl_" + "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in rule.app)


def destination(passes: Passes, one: Pass, choice: Choice, rule: CanaryRule) -> Destination:
    """Where the canary of one choice is. Raises Refused."""
    upstreams = passes.upstreams
    if rule.fallback:
        refuse_without_backup(passes, one, choice, rule)
    if rule.canary in upstreams.blocks:
        note = f"the upstream {rule.canary} is not of our making: it stays as it is, also afterwards"
        return Destination(rule.canary, note=note)
    name, port = _address(passes, one, choice, rule)
    defined = choice.address.host in upstreams.blocks
    if not is_ip(name) and not rule.fallback:  # only a name that is known beforehand can stand in an upstream
        resolver = passes.config.inherited(one.directive, "resolver")
        at_run_time = "." in name or rule.canary_host or (one.variable and not defined)
        if resolver.found and at_run_time:
            variable = f"${identifier(rule)}_host"
            return Destination(authority(variable, port), (f"set {variable} {name};",))
    written = authority(name, port)
    note = "" if is_ip(name) or is_placeholder(name) else _by_name(one, name)
    if defined:
        upstream = _upstream(passes, choice.address.host, written, rule)
        return Destination(rule.canary, upstream=upstream, note=note)
    if note and has_variable(choice.address.uri):
        raise _unknown(one, rule, "variables in the URL keep nginx from looking a name up when it loads")
    return Destination(written, note=note)


def _by_name(one: Pass, name: str) -> str:
    directive = one.directive
    return (
        f"{directive.text.unit.file}:{directive.line}: nginx looks {name} up when it loads, and does not start once "
        "that name is gone; give the address of its Service with --canary-host IP to rule this out"
    )


def _address(passes: Passes, one: Pass, choice: Choice, rule: CanaryRule) -> tuple[str, str]:
    """The canary's host and port: what is given, else what follows from stable's. Raises Refused."""
    try:
        given, own = parse_address(rule.canary_host) if rule.canary_host else ("", "")
        if own and not choice.address.host.startswith(_SOCKET):
            return given, own
        host, port = _stable(passes, one, choice, rule)
        if host.startswith(_SOCKET):
            inside = choice.address.host in passes.upstreams.blocks
            raise _unknown(one, rule, "stable's address is a Unix socket", hint=None if inside else "")
        return given or canary_host(host.strip("[]")), port
    except Underivable as why:
        raise _unknown(one, rule, str(why)) from why


def _stable(passes: Passes, one: Pass, choice: Choice, rule: CanaryRule) -> tuple[str, str]:
    host, port = choice.address.host, choice.address.port
    if host not in passes.upstreams.blocks:
        return host, port
    servers = passes.upstreams.servers(host)
    hosts, ports = {server[0] for server in servers}, {server[1] for server in servers}
    if not servers:
        raise _unknown(one, rule, f"the upstream {host} has no servers in these files")
    if len(ports) > 1:
        raise _unknown(one, rule, f"the servers of the upstream {host} have {len(ports)} different ports")
    if len(hosts) > 1 and not rule.canary_host:
        raise _unknown(one, rule, f"the upstream {host} has {len(servers)} different servers")
    return servers[0]


def _unknown(one: Pass, rule: CanaryRule, why: str, hint: str | None = None) -> Refused:
    reason = f"the canary's address cannot be derived from {rule.service}: {why}"
    other = (
        f"give the address of the canary's Service with --canary-host IP[:PORT], or define the upstream {rule.canary}"
    )
    return one.directive.refused(reason, hint=other if hint is None else hint)


def _upstream(passes: Passes, stable: str, server: str, rule: CanaryRule) -> Piece:
    block = passes.upstreams.blocks[stable]
    inside = passes.config.level(block)
    step = step_of(inside[0]) if inside else "    "
    kept = [f"{step}{one.name} {' '.join(one.args)};" for one in inside if one.name in _KEPT]
    servers = (f"{server} max_fails=0", *backups(inside)) if rule.fallback else (server,)
    return above(block, (f"upstream {rule.canary} {{", *(f"{step}server {one};" for one in servers), *kept, "}"))
