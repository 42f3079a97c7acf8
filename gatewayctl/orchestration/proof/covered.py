"""Which routes a proof of this release has to cover, read from the gateway's files as they are now."""

from dataclasses import dataclass

from gatewayctl.domain.coverage import Coverage, cover, uncovered
from gatewayctl.domain.errors import Conflict, Refused
from gatewayctl.domain.release import Release
from gatewayctl.domain.routing import Change, Files, RouteView, is_own, own_routes
from gatewayctl.orchestration.context import Gateway


@dataclass(frozen=True, slots=True)
class CoveredRoutes:
    """`rules` counts the routes of the files that are the rule, and `coverage` is what they cover.

    `missing` are the application's other routes, which came after the rule; none where no rule is there, since then
    `coverage` has all. `fault` says why nobody knows which routes the application has.
    """

    rules: int
    coverage: Coverage
    missing: tuple[RouteView, ...] = ()
    fault: str = ""

    @property
    def total(self) -> int:
        """How many routes the application has."""
        return len(self.coverage.routes) + len(self.missing)

    def require_all(self, release: Release) -> None:
        """Raise Conflict when a route of the application came to the files after the rule was written.

        Also when nobody can tell: the rule was written, so it is a later edit that cannot take it.
        """
        if self.fault:
            raise Conflict(
                f"nobody can tell which routes {release.app} has now: {self.fault}; when the canary's rule was "
                "written, it could be told, so the gateway's files were changed during the release",
                hint="correct the gateway's files there, then start the release again",
            )
        if not self.missing:
            return
        first, total = self.missing[0], self.total
        raise Conflict(
            f"{first.file}:{first.line}: {first.match} sends to {release.target.service} without the canary's rule: "
            f"it covers {total - len(self.missing)} of {total} routes, and this one came during the release",
            hint="start the release again: its rule then covers the new route, too",
        )


def find_covered(gateway: Gateway, release: Release) -> CoveredRoutes:
    """The application's routes and their requests. Never raises Refused: what cannot be read is the `fault`."""
    files = gateway.store.read().files
    own: tuple[RouteView, ...] = ()
    try:
        routes = gateway.dialect.routes(files)
        own = own_routes(routes, release.app)
        change = _insert(gateway, files, release)
    except Refused as fault:
        return CoveredRoutes(len(own), Coverage(tuple(route.match for route in own)), fault=str(fault))
    missing = uncovered(change.covered, own) if change.stages and own else ()
    covered = tuple(route for route in change.covered if route not in missing)
    return CoveredRoutes(len(own), cover(release.target, covered), _as_they_stand(missing, routes))


def _insert(gateway: Gateway, files: Files, release: Release) -> Change:
    """The edit that writes the rule again. Raises Refused with the line in the files as they are."""
    try:
        return gateway.dialect.insert(files, release.rule)
    except Refused as fault:
        moved = _count_moved(gateway, files, release, fault)
        raise Refused(fault.file, fault.line + moved, fault.reason, hint=fault.hint) from fault


def _count_moved(gateway: Gateway, files: Files, release: Release, fault: Refused) -> int:
    """By how many lines the rule moves the line of `fault`, where that was counted without the rule.

    An edit takes the old rule out first. If it did, the files without the rule are refused with the same words; the
    last route before that line shows how far it has moved.
    """
    bare = gateway.dialect.remove(files, release.app).apply(files)
    try:
        gateway.dialect.insert(bare, release.rule)
    except Refused as again:
        before = [one for one in gateway.dialect.routes(bare) if one.file == fault.file and one.line <= fault.line]
        if before and str(again) == str(fault):
            last = max(before, key=lambda one: one.line)
            return _as_they_stand((last,), gateway.dialect.routes(files))[0].line - last.line
    return 0


def _as_they_stand(missing: tuple[RouteView, ...], routes: tuple[RouteView, ...]) -> tuple[RouteView, ...]:
    """`missing` with their lines in the files as they are: an edit counts lines without the rule."""
    here = {(route.file, route.place, route.match): route for route in routes if not is_own(route)}
    return tuple(here.get((route.file, route.place, route.match), route) for route in missing)
