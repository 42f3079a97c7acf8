"""What a set of route files means, worked out once: how a replica that runs these files routes."""

from dataclasses import dataclass, field
from functools import lru_cache

from gatewayctl.domain.platform import Probe
from gatewayctl.domain.routing import Files, SourceFile, rule_name
from tests.fakes.toy import ToyRoute, parse
from tests.simulation.dialect import UPSTREAMS, find_upstreams


@dataclass(frozen=True, slots=True)
class View:
    """`rules` holds the canary rules by application, `shares` the parts of them that take unmarked requests.

    `plain` is the number of routes to each service without a header.
    `leak` is a canary that unmarked requests reach, `undefined` one that a route names and nobody defines.
    """

    routes: tuple[ToyRoute, ...]
    rules: dict[str, tuple[ToyRoute, ...]]
    shares: dict[str, tuple[ToyRoute, ...]]
    plain: dict[str, int]
    known: frozenset[str] | None
    leak: str
    undefined: str
    _matches: dict[Probe, tuple[ToyRoute, ...]] = field(default_factory=dict)

    def routes_of(self, probe: Probe) -> tuple[ToyRoute, ...]:
        """The routes that may match this request, by its path. The same few requests are sent again and again."""
        matches = self._matches.get(probe)
        if matches is None:
            matches = tuple(route for route in self.routes if probe.path.startswith(route.path))
            self._matches[probe] = matches
        return matches


@lru_cache(maxsize=4096)
def view_of(files: Files) -> View:
    """The meaning of `files`."""
    routes = tuple(route for file in files if file.name != UPSTREAMS for _, route in parse(file))
    rules: dict[str, tuple[ToyRoute, ...]] = {}
    shares: dict[str, tuple[ToyRoute, ...]] = {}
    plain: dict[str, int] = {}
    for route in routes:
        if route.name:
            app = route.name.removeprefix("gatewayctl-").removesuffix("-share").removesuffix("-canary")
            own = shares if route.share else rules
            own[app] = (*own.get(app, ()), route)
        elif not route.header:
            plain[route.to] = plain.get(route.to, 0) + 1
    known = find_upstreams(files)
    named = [route.to for own in (*rules.values(), *shares.values()) for route in own]
    undefined = next((to for to in named if known is not None and to not in known), "")
    leak = next((route.to for route in routes if _takes_everything(route)), "")
    return View(routes, rules, shares, plain, known, leak, undefined)


def _takes_everything(route: ToyRoute) -> bool:
    """Whether it sends unmarked requests to a canary, and is no share of ours."""
    return route.to.endswith("-canary") and not route.header and not (route.share and route.name)


def without(files: Files, app: str) -> Files:
    """The files as if `app` had no canary: everything that is not that application's business."""
    mark = f"name={rule_name(app)}"
    return tuple(
        SourceFile(file.name, "".join(line for line in file.text.splitlines(keepends=True) if mark not in line))
        for file in files
    )
