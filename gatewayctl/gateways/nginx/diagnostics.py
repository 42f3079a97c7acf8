"""Why a service cannot get its rule in these files."""

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.nginx.proxy_pass import PASSES, UNSUPPORTED_PASSES, ProxyPasses, split_port
from gatewayctl.gateways.nginx.tree import Directive

_SHOWN = 20


def refuse_ambiguous(passes: ProxyPasses, rule: CanaryRule) -> None:
    """Raise Refused where the files contradict themselves about who gets the service's requests."""
    for one in passes.read_all():
        choosers = passes.upstreams.maps.get(one.variable, [])
        hit = any(passes.upstreams.is_service(choice.address, rule.service) for choice in one.choices)
        if not hit:
            continue
        if len(choosers) > 1:
            raise choosers[1].refusal(
                f"${one.variable} is defined here and in line {choosers[0].line}: only one of them counts",
                hint="take one of them away first",
            )
        if choosers and choosers[0].name == "split_clients":
            raise choosers[0].refusal(
                f"${one.variable} splits its requests by weight between {rule.service} and others",
                hint="finish that split first: a canary beside it would take requests from both",
            )


def explain_unrouted(passes: ProxyPasses, rule: CanaryRule) -> Refused:
    """The refusal for a service that no location sends to, with the most telling reason."""
    nowhere = f"no location sends to {rule.service}"
    for one in passes.config.walk():
        if one.name in UNSUPPORTED_PASSES and one.args and _names(one, rule):
            return one.refusal(f"{one.name} sends to {rule.service}: only proxy_pass and grpc_pass can have a canary")
        if one.name in PASSES and one.args and _names(one, rule):
            return one.refusal(
                f"connections to {rule.service} are passed on as they are: they have no headers to route by"
            )
    late = [one for one in passes.read_all() if not one.choices]
    if late:
        reason = f"{nowhere} here, but ${late[0].variable} decides where this one sends, and no file given defines it"
        return late[0].directive.refusal(reason, hint="give the file that defines it too")
    names = ", ".join(dict.fromkeys(text.unit.file for text in passes.config.texts)) or "the files given"
    hosts = sorted({choice.address.host for one in passes.read_all() for choice in one.choices})
    if hosts:
        more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
        return Refused(names, 0, f"{nowhere}; upstreams with locations: {', '.join(hosts[:_SHOWN])}{more}")
    return Refused(names, 0, f"{nowhere}: nothing is proxied here", hint="give the file that holds the locations too")


def _names(one: Directive, rule: CanaryRule) -> bool:
    host, port = split_port(one.values[0].split("://")[-1].split("/")[0])
    return rule.service in {host, f"{host}:{port}"}
