"""What differs for the canary's requests although its route is a copy: what refers to stable by the name of its cluster
or of its host. An edit keeps all of it; people have to know it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from yaml.nodes import Node

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.envoy.fields import below, text
from gatewayctl.gateways.envoy.locate import EnvoyFile, UpstreamDefinition
from gatewayctl.gateways.envoy.routes import EnvoyRoute
from gatewayctl.gateways.yamltext.fragments import Fragment

# Fields whose items are looked at by themselves, or not at all.
_ELSEWHERE = frozenset({"virtual_hosts", "routes", "clusters", "load_assignment"})
_ABOVE_ROUTES = frozenset({"http_filters", "access_log"})
_OF_A_HOST = frozenset({"rate_limits", "typed_per_filter_config"})
_NAMES_A_CLUSTER = frozenset({"cluster", "cluster_name"})
_BESIDE_THE_ACTION = frozenset({"request_mirror_policies", "typed_per_filter_config"})
_SERVER_NAMES = frozenset({"sni"})
_OWN_SERVER_NAMES = frozenset({"auto_host_sni"})
_HOSTS = frozenset({"address", "hostname"})
_YES = frozenset({"true", "True"})

Found = tuple[Fragment, Node]


@dataclass(frozen=True, slots=True)
class Differences:
    """The routes that get a rule, the clusters of stable that get a copy, and the files that hold them."""

    files: Sequence[EnvoyFile]
    covered: Sequence[EnvoyRoute]
    copied: Sequence[UpstreamDefinition]
    rule: CanaryRule

    def notes(self) -> list[str]:
        """One note for each kind of difference. Raises Refused."""
        service, canary = self.rule.service, self.rule.canary
        told = (
            (self._rate_limits(), f"a rate limit by destination_cluster counts {canary} apart from {service}"),
            (self._calls(), f"sends to {service} by its name, whatever route a request takes: that stays with stable"),
            (self._own_hosts(), "auto_host_rewrite: the canary's Host is its own address, and not stable's"),
            (
                self._stable_hosts(),
                f"the canary gets the Host of {service}: what chooses by Host may take it for stable",
            ),
            (
                self._server_names(),
                f"TLS to the canary asks for the name (SNI) of {service}: it needs that certificate",
            ),
            (self._own_server_names(), "auto_host_sni: TLS to the canary asks for its own address as name (SNI)"),
        )
        return [f"{_places(found)}: {what}" for found, what in told if found]

    def _rate_limits(self) -> list[Found]:
        whole = [*self._above_routes(), *self._hosts(), *((one.fragment, one.node) for one in self.covered)]
        return list(_fields(whole, frozenset({"destination_cluster"})))

    def _calls(self) -> list[Found]:
        """What sends to the service beside the routes: filters and mirrors."""
        routes = ((one.fragment, one.node) for one in self.covered)
        whole = [*self._above_routes(), *_fields(routes, _BESIDE_THE_ACTION)]
        return [one for one in _fields(whole, _NAMES_A_CLUSTER) if text(one[1]) == self.rule.service]

    def _own_hosts(self) -> list[Found]:
        found = _fields(((one.fragment, one.action) for one in self.covered), frozenset({"auto_host_rewrite"}))
        return [one for one in found if text(one[1]) in _YES]

    def _stable_hosts(self) -> list[Found]:
        clusters = ((one.fragment, one.node) for one in self.copied)
        names = {text(node) for _, node in _fields(clusters, _HOSTS)} | {self.rule.service}
        found = _fields(((one.fragment, one.action) for one in self.covered), frozenset({"host_rewrite_literal"}))
        return [one for one in found if not names.isdisjoint(_spellings(text(one[1])))]

    def _server_names(self) -> list[Found]:
        return list(_fields(((one.fragment, one.node) for one in self.copied), _SERVER_NAMES))

    def _own_server_names(self) -> list[Found]:
        found = _fields(((one.fragment, one.node) for one in self.copied), _OWN_SERVER_NAMES)
        return [one for one in found if text(one[1]) in _YES]

    def _above_routes(self) -> Iterator[Found]:
        """The HTTP filters and access logs of every listener."""
        for file in self.files:
            for fragment in file.source.fragments:
                for root in fragment.roots:
                    found = below(root, _ELSEWHERE)
                    yield from ((fragment, value) for name, value in found if name in _ABOVE_ROUTES)

    def _hosts(self) -> Iterator[Found]:
        """The rate limits and the filters' settings of the virtual hosts of covered routes."""
        hosts = {id(one.host): one.host for one in self.covered}
        for host in hosts.values():
            if host.whole is not None:
                found = below(host.whole, _ELSEWHERE)
                yield from ((host.fragment, value) for name, value in found if name in _OF_A_HOST)


def _fields(whole: Iterable[Found], names: frozenset[str]) -> Iterator[Found]:
    """The values of the fields with one of these names, each once."""
    seen: set[int] = set()
    for fragment, node in whole:
        for name, value in below(node):
            if name in names and id(value) not in seen:
                seen.add(id(value))
                yield fragment, value


def _spellings(host: str) -> set[str]:
    """A host as written, without its port, and its first label."""
    bare = host.partition(":")[0]
    return {host, bare, bare.partition(".")[0]}


def _places(found: list[Found]) -> str:
    """The first place, and how many more there are."""
    fragment, node = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{fragment.file}:{fragment.line(node)}{more}"
