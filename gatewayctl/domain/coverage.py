"""What a proof covers: every route of an application, each by a request that this route takes.

A dialect says which routes there are, and gives an example request for each. Here they become the requests of one
release. A route without a request is named with its reason, because what is not asked is not proven.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gatewayctl.domain.costly_patterns import is_costly
from gatewayctl.domain.platform import Probe
from gatewayctl.domain.release import Target
from gatewayctl.domain.routing import Example, RouteView

MOST_REQUESTS = 50  # to one replica in one look, beside the application's own probe; further routes are gaps
_SHOWN = 3
_FILLED = "gatewayctl"  # for the part of a host name that a pattern leaves open
_NAME_A_PATH = "name a path of it in probe.paths"
_NOT_TRIED = "which could take hours to try on a path, so only the gateway's configuration proves it"


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """A request, without the canary's header, that a route takes."""

    route: str
    probe: Probe


@dataclass(frozen=True, slots=True)
class Gap:
    """A route that no request proves, and why."""

    route: str
    reason: str

    def __str__(self) -> str:
        return f"{self.route} ({self.reason})"


def list_gaps(gaps: Iterable[Gap]) -> str:
    """The first few of the gaps, and how many more there are; those that are the same on several replicas once."""
    different = tuple(dict.fromkeys(gaps))
    more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
    return ", ".join(str(gap) for gap in different[:_SHOWN]) + more


@dataclass(frozen=True, slots=True)
class Coverage:
    """The routes of an application by name, the requests that prove them beside the application's own, and the gaps."""

    routes: tuple[str, ...] = ()
    requests: tuple[RouteRequest, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def describe(self, found: Iterable[Gap] = (), *, asked: bool = False) -> tuple[str, str]:
        """How many routes are proven, and what is not; `found` are gaps that only the answers showed.

        `asked`: the gateway said of all routes that it runs the rule, so that gaps are only proven by that.
        """
        gaps = tuple(dict.fromkeys((*self.gaps, *found)))
        count, missing = len(self.routes), len({gap.route for gap in gaps})
        routes = f"{count} route{'s' if count != 1 else ''}"
        if not gaps:
            return f"on {routes}", ""
        if asked:
            return f"on {routes}", f"by configuration only: {list_gaps(gaps)}"
        return f"on {count - missing} of {routes}", f"not proven: {list_gaps(gaps)}"

    def data(self, found: Iterable[Gap] = ()) -> list[dict[str, str]]:
        """Each route with the request that was sent, or with the reason why none was; as evidence."""
        requests: dict[str, str] = {}
        for one in self.requests:
            sent = f"{one.probe.host}{one.probe.path}"
            requests[one.route] = f"{requests[one.route]}, {sent}" if one.route in requests else sent
        gaps = {gap.route: gap.reason for gap in (*self.gaps, *found)}
        return [
            {
                "route": route,
                "request": "" if route in gaps else requests.get(route, "probe"),
                "gap": gaps.get(route, ""),
            }
            for route in self.routes
        ]


@dataclass(frozen=True, slots=True)
class _Match:
    """One match of a route, under the name that people read."""

    route: str
    example: Example


def cover(target: Target, routes: Sequence[RouteView]) -> Coverage:
    """The requests that prove `routes`, which are those of the application `target`.

    The application's own probe proves its route without a further request. The only match of the only route needs no
    other: an answer that the rule stamped came through it.
    """
    names = _names(routes)
    examples = [(name, route.examples or (_NO_EXAMPLE,)) for name, route in zip(names, routes, strict=True)]
    matches = [_Match(name, example) for name, several in examples for example in several]
    if len(matches) == 1:
        return Coverage(names)
    named = _paths_of_one_match(target, matches)
    own = target.probe
    sent: dict[RouteRequest, None] = {}
    gaps: list[Gap] = []
    for index, match in enumerate(matches):
        found = _request(target, match, named.get(index, ""))
        if isinstance(found, Gap):
            gaps.append(found)
        elif found.probe != own:
            sent.setdefault(found)
    requests = tuple(sent)
    late = [Gap(one.route, f"only {MOST_REQUESTS} requests are sent to a replica") for one in requests[MOST_REQUESTS:]]
    return Coverage(names, requests[:MOST_REQUESTS], (*dict.fromkeys(gaps), *dict.fromkeys(late)))


_NO_EXAMPLE = Example(why_not="no request is known that it takes")


def _names(routes: Sequence[RouteView]) -> tuple[str, ...]:
    """Each route's match; with its place where another one has the same match, and its line where that is the same."""
    matches = Counter(route.match for route in routes)
    places = Counter((route.place, route.match) for route in routes)
    names = []
    for route in routes:
        name = route.match or "every path"
        if matches[route.match] > 1:
            line = f" in {route.file}:{route.line}" if places[route.place, route.match] > 1 else ""
            name = f"{route.place} {name}{line}".strip()
        names.append(name)
    return tuple(names)


def _paths_of_one_match(target: Target, matches: Sequence[_Match]) -> dict[int, str]:
    """For each match the first path that people named which it takes, and no other match does.

    A match of which no path is known gets one that others take, too, if their paths are known: it was named for this.
    """
    found: dict[int, str] = {}
    for path in (target.path, *target.paths):
        takers = [index for index, match in enumerate(matches) if _takes(match.example, target.host, path)]
        unknown = [index for index in takers if not matches[index].example.path]
        for chosen in (takers, unknown):
            if len(chosen) == 1:
                found.setdefault(chosen[0], path)
                break
    return found


def _takes(example: Example, host: str, path: str) -> bool:
    if not example.taken or (example.hosts and not any(_fits(one, host) for one in example.hosts)):
        return False
    plain = path.partition("?")[0]
    try:
        return not is_costly(example.taken, plain) and re.search(example.taken, plain) is not None
    except re.error:  # the gateway's expressions are not all Python's
        return False


def _request(target: Target, match: _Match, named: str) -> RouteRequest | Gap:
    """The request for one match: `named` is a path that people named for it."""
    example = match.example
    path = named or example.path
    if not path:
        return Gap(match.route, f"{example.why_not}{_hint(example, target)}")
    host = _host(example.hosts, target.host)
    if not host:
        return Gap(match.route, "its host name is an expression")
    return RouteRequest(match.route, replace(target.probe, host=host, path=path).with_headers(*example.headers))


def _hint(example: Example, target: Target) -> str:
    if not example.taken:
        return ""
    if any(is_costly(example.taken, path) for path in (target.path, *target.paths)):
        return f", {_NOT_TRIED}"
    return f": {_NAME_A_PATH}"


def _host(names: Sequence[str], wanted: str) -> str:
    """The application's host if one of `names` fits, else a host that the first plain one does; empty if none does."""
    if not names or any(_fits(name, wanted) for name in names):
        return wanted
    plain = next((name for name in names if not name.startswith("~")), "")
    return plain.removesuffix(":*").removeprefix(".").replace("*", _FILLED)


def _fits(name: str, host: str) -> bool:
    """Whether a host is one of those that a name of the gateway's files stands for."""
    name, host = _without_port(name), _without_port(host)
    if name.startswith("*."):
        return host.endswith(name[1:])
    if name.startswith("."):
        return host == name[1:] or host.endswith(name)
    if name.endswith(".*"):
        return host.startswith(name[:-1])
    return name in {"*", host}


def _without_port(name: str) -> str:
    return name.lower().partition(":")[0]


def uncovered(covered: Iterable[RouteView], own: Iterable[RouteView]) -> tuple[RouteView, ...]:
    """Those of the routes that a rule should cover which have none of its `own` routes beside them."""
    rest = Counter((route.place, route.match) for route in own)
    missing = []
    for route in covered:
        # In nginx the rule stands in the location, also for a pass in an `if` of that location.
        place, match = route.place, route.match.partition(" if ")[0]
        key = next((one for one in ((place, route.match), (place, match)) if rest[one]), None)
        if key is None:
            missing.append(route)
        else:
            rest[key] -= 1
    return tuple(missing)
