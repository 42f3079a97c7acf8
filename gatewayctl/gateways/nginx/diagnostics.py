"""Why a service cannot have a canary rule in these files."""

from collections.abc import Iterable, Iterator
from itertools import chain

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.levels import PASSES, UNSUPPORTED_PASSES
from gatewayctl.gateways.nginx.proxy_pass import ProxyPasses, split_port
from gatewayctl.gateways.nginx.tree import Directive

_SHOWN = 20


def refuse_ambiguous(passes: ProxyPasses, rule: CanaryRule) -> None:
    """Raise Refused if a variable that selects the service has two definitions, or splits requests by weight."""
    for one in passes.read_all():
        maps = passes.upstreams.maps.get(one.variable, [])
        if not any(passes.upstreams.is_service(target.address, rule.service) for target in one.targets):
            continue
        if len(maps) > 1:
            raise maps[1].refusal(
                f"${one.variable} is defined here and in line {maps[0].line}: only one of them counts",
                hint="take one of them away first",
            )
        if maps and maps[0].name == "split_clients":
            raise maps[0].refusal(
                f"${one.variable} splits its requests by weight between {rule.service} and others",
                hint="finish that split first: a canary beside it would take requests from both",
            )


def missing_files(config: Config, passes: Iterable[Directive]) -> Iterator[tuple[Directive, str]]:
    """Each include around these passes of which no file was given, and what follows from it."""
    blocks = {id(block): block for one in passes for block in config.blocks_around(one)}
    includes = {id(one): one for block in blocks.values() for one in config.unknown_includes(block)}
    for one in includes.values():
        yield one, f"no file given is included here ({' '.join(one.values)}): settings in it are unknown"


def explain_unrouted(passes: ProxyPasses, rule: CanaryRule) -> Refused:
    """The error for a service that no location sends to, with the most specific reason."""
    reasons = chain(_find_unsupported_passes(passes, rule), _find_undefined_variables(passes, rule))
    return next(reasons, None) or _no_location(passes, rule)


def _find_unsupported_passes(passes: ProxyPasses, rule: CanaryRule) -> Iterator[Refused]:
    """An error for each directive that sends to the service and cannot have a canary."""
    for one in passes.config.walk():
        if not one.args or not _is_address_of(one.values[0], rule.service):
            continue
        if one.name in UNSUPPORTED_PASSES:
            yield one.refusal(f"{one.name} sends to {rule.service}: only proxy_pass and grpc_pass can have a canary")
        elif one.name in PASSES:
            yield one.refusal(
                f"connections to {rule.service} are passed on as they are: they have no headers to route by"
            )


def _find_undefined_variables(passes: ProxyPasses, rule: CanaryRule) -> Iterator[Refused]:
    for one in passes.read_all():
        if not one.targets:
            reason = (
                f"no location sends to {rule.service} here, but ${one.variable} decides where this one sends, "
                "and no file given defines it"
            )
            yield one.directive.refusal(reason, hint="give the file that defines it too")


def _no_location(passes: ProxyPasses, rule: CanaryRule) -> Refused:
    nowhere = f"no location sends to {rule.service}"
    names = ", ".join(dict.fromkeys(text.fragment.file for text in passes.config.texts)) or "the files given"
    hosts = sorted({target.address.host for one in passes.read_all() for target in one.targets})
    if not hosts:
        hint = "give the file that holds the locations too"
        return Refused(names, 0, f"{nowhere}: nothing is proxied here", hint=hint)
    more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
    return Refused(names, 0, f"{nowhere}; upstreams with locations: {', '.join(hosts[:_SHOWN])}{more}")


def _is_address_of(argument: str, service: str) -> bool:
    """Whether the argument of a pass names the service, with or without a port."""
    host, port = split_port(argument.split("://")[-1].split("/")[0])
    return service in {host, f"{host}:{port}"}
