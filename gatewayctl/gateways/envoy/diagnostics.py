"""Says why a service cannot get its rule, and what people should know about an edit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.envoy.clusters import discovery, eds_name, owner
from gatewayctl.gateways.envoy.differences import Differences
from gatewayctl.gateways.envoy.edits import all_routes
from gatewayctl.gateways.envoy.fields import mentions
from gatewayctl.gateways.envoy.locate import Barrier, EnvoyFile, UneditablePart, UpstreamDefinition
from gatewayctl.gateways.envoy.routes import EnvoyRoute, late_upstreams

_SHOWN = 20


def refuse_hidden(files: Iterable[EnvoyFile], rule: CanaryRule) -> None:
    """Raise Refused if a part that cannot be edited names the service, although its routes can be edited."""
    for part in _parts(files, Barrier.V2, Barrier.MATCHER):
        if mentions(part.node, rule.service):
            raise _refusal_of(part, rule)


def refuse_unreadable(files: Iterable[EnvoyFile]) -> None:
    """Raise Refused for the v2 API: its routes are not read, and to show none would look as if there were none."""
    for part in _parts(files, Barrier.V2):
        raise _v2_refusal(part)


def no_route_refusal(files: Sequence[EnvoyFile], rule: CanaryRule) -> Refused:
    """The refusal for a service that no route sends to, with the reason that helps most."""
    for part in _uneditable_routing(files, rule):
        return _refusal_of(part, rule)
    reason = f"no route sends to {rule.service}"
    for part in _routing_elsewhere(files):
        hint = "give the file that holds those routes too"
        return part.fragment.refusal(part.node, f"{reason} here, but {part.what}", hint=hint)
    names = ", ".join(file.source.file.name for file in files)
    upstreams = {name for route in all_routes(files) for name in route.upstreams}
    if upstreams:
        return Refused(names, 0, f"{reason}; upstreams with routes: {_join_names(upstreams)}")
    reason = f"{reason}: there are no routes here"
    clusters = {cluster.name for cluster in _clusters(files)}
    if clusters:
        hint = "give the file that holds the routes too"
        return Refused(names, 0, f"{reason}, only clusters: {_join_names(clusters)}", hint=hint)
    return Refused(names, 0, reason)


def notes(files: Sequence[EnvoyFile], covered: Sequence[EnvoyRoute], rule: CanaryRule) -> tuple[str, ...]:
    """What the edit needs and does not write, what differs for the canary, what reaches stable only. Raises Refused."""
    known = _KnownClusters(tuple(_clusters(files)), rule)
    endpoints = [] if known.by_hand else _endpoint_notes(files, known.stable)
    tcp = [_tcp_note(part, rule) for part in _tcp_proxies(files, rule)]
    copied = [] if known.by_hand else known.stable
    return (*known.notes(), *endpoints, *Differences(files, covered, copied, rule).notes(), *tcp)


_ASKED = "a release asks each replica for"


@dataclass(frozen=True, slots=True)
class _KnownClusters:
    """The clusters that the files define, seen for one rule."""

    clusters: tuple[UpstreamDefinition, ...]
    rule: CanaryRule

    @property
    def by_hand(self) -> list[UpstreamDefinition]:
        """The canary's clusters that people wrote. Raises Refused."""
        return [one for one in self.clusters if one.name == self.rule.canary and owner(one) != self.rule.name]

    @property
    def stable(self) -> list[UpstreamDefinition]:
        """The clusters of the service."""
        return [one for one in self.clusters if one.name == self.rule.service]

    def notes(self) -> list[str]:
        """Where the canary's cluster comes from, if the edit does not write it. Raises Refused."""
        service, canary = self.rule.service, self.rule.canary
        if self.by_hand:
            detail = "it stays as it is, also when the rule is removed"
            return [f"the cluster {canary} was not added by gatewayctl: {detail}"]
        if not self.clusters:
            return [f"no file given defines clusters, so {_ASKED} {canary}"]
        if not self.stable:
            return [f"no file given defines the cluster {service}, so {_ASKED} {canary}"]
        return []


def _endpoint_notes(files: Sequence[EnvoyFile], stable: Sequence[UpstreamDefinition]) -> list[str]:
    held = {endpoints.name for file in files for endpoints in file.endpoints}
    asked = {eds_name(cluster) for cluster in stable if discovery(cluster) == "EDS"}
    return [
        f"the canary's cluster asks EDS for the endpoints {name}-canary: no file given holds them"
        for name in sorted(asked)
        if not {name, f"{name}-canary"} & held
    ]


def _tcp_note(part: UneditablePart, rule: CanaryRule) -> str:
    place = f"{part.fragment.file}:{part.fragment.line(part.node)}"
    return f"{place}: tcp_proxy sends to {rule.service} too; connections have no headers, so they stay with it"


def _clusters(files: Iterable[EnvoyFile]) -> list[UpstreamDefinition]:
    return [cluster for file in files for cluster in file.clusters]


def _parts(files: Iterable[EnvoyFile], *barriers: Barrier) -> list[UneditablePart]:
    """The parts that cannot be edited for one of these reasons, in file order."""
    return [part for file in files for part in file.uneditable if part.barrier in barriers]


def _tcp_proxies(files: Iterable[EnvoyFile], rule: CanaryRule) -> list[UneditablePart]:
    return [part for part in _parts(files, Barrier.TCP) if mentions(part.node, rule.service)]


def _uneditable_routing(files: Sequence[EnvoyFile], rule: CanaryRule) -> list[UneditablePart]:
    """The parts that may be why no route was found: all of the v2 API, and proxies of TCP that name the service."""
    return [*_parts(files, Barrier.V2), *_tcp_proxies(files, rule)]


def _routing_elsewhere(files: Sequence[EnvoyFile]) -> list[UneditablePart]:
    """The parts that let another file, or each request, choose the upstream. Raises Refused."""
    late = [part for file in files for host in file.host_routes for part in late_upstreams(host)]
    return [*_parts(files, Barrier.ELSEWHERE), *late]


def _refusal_of(part: UneditablePart, rule: CanaryRule) -> Refused:
    if part.barrier is Barrier.V2:
        return _v2_refusal(part)
    if part.barrier is Barrier.TCP:
        reason = f"only tcp_proxy sends to {rule.service}: connections have no headers to route by"
        return part.fragment.refusal(part.node, reason)
    reason = f"{part.what} and names {rule.service} in it: only lists of routes can be edited"
    return part.fragment.refusal(part.node, reason)


def _v2_refusal(part: UneditablePart) -> Refused:
    reason = f"{part.what}: current Envoy does not load it"
    return part.fragment.refusal(part.node, reason, hint="migrate the file to the v3 API first")


def _join_names(names: Iterable[str]) -> str:
    """The first names in alphabetical order, and how many more there are."""
    listed = sorted(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
