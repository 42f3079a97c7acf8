"""Stable in place of a canary that is gone: its servers are `backup` servers in the canary's upstream.

The canary's own server has `max_fails=0`. With nginx's default, one refused connection would send all marked requests
to stable for ten seconds, even if the canary is back.
"""

from collections.abc import Iterable

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.nginx.proxy_pass import PassTarget, ProxyPass, ProxyPasses
from gatewayctl.gateways.nginx.tree import Directive


def backup_servers(inside: Iterable[Directive]) -> tuple[str, ...]:
    """The arguments of each `server` of stable's upstream, as a backup server. Raises Refused."""
    found = []
    for one in inside:
        if one.name == "server" and one.args:
            if any(value == "resolve" or value.startswith("service=") for value in one.values):
                raise one.refusal("this server is looked up while nginx runs, which a fallback's copy of it is not")
            found.append(" ".join((*(arg for arg in one.args if arg != "backup"), "backup")))
    return tuple(found)


def refuse_without_backup(passes: ProxyPasses, one: ProxyPass, target: PassTarget, rule: CanaryRule) -> None:
    """Raise Refused where nginx would never fall back, or would fall back even when the canary answers."""
    directive, blocks = one.directive, passes.upstreams.blocks
    if rule.canary in blocks:
        raise directive.refusal(
            f"the upstream {rule.canary} was not added by gatewayctl: its own servers decide about a fallback"
        )
    if target.address.host not in blocks:
        raise directive.refusal(
            "this pass names a host, and only an upstream can fall back",
            hint=f"define an upstream for {rule.service}, or leave fallback out",
        )
    name = f"{one.module}_next_upstream"
    for setting in passes.config.find_inherited(directive, name).found:
        if "error" not in setting.values:
            raise setting.refusal(f"with this {name} nginx goes to no other server when the canary is gone")
        if status := next((value for value in setting.values if value.startswith("http_")), ""):
            raise setting.refusal(f"with {status} stable would also answer where the canary answers with an error")
