"""Every route of an application is proven on every replica, or named as not proven."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.lifecycle import PromoteAsked
from gatewayctl.domain.platform import Holder, Probe, Replica, RuleProof
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.domain.routing import CanaryRule, Change, Example, Files, RouteView, SourceFile
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.survey import survey
from gatewayctl.reports.status import StatusReport
from tests.fakes.memory import MemoryGateway, MemoryRouteStore
from tests.fakes.shop import ORDERS, AskingSuites, a_release, a_trial, ports
from tests.fakes.toy import ToyDialect, ToyRoute
from tests.fakes.world import ROUTES, World

ADMIN = "/api/orders-admin"
PLAIN = replace(ORDERS, trial=replace(a_trial(live=60.0), suite=None, load=None))


@dataclass
class SilentGateway(MemoryGateway):
    """A gateway that cannot be asked for its configuration, and runs changes of the route ADMIN `late` seconds later.

    `odd` answers some requests in place of the gateway.
    """

    world: World
    late: float = 0.0
    odd: Callable[[Probe], Answer | None] = lambda _: None

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        if wrong := self.odd(probe):
            return wrong
        return self.world.reply(self._live(int(replica.name.removeprefix("gw-"))), probe)

    def _live(self, index: int) -> list[ToyRoute]:
        world, now = self.world, self.world.time
        fresh = [route for route in world.live(index) if route.path != ADMIN]
        world.time = now - self.late
        old = [route for route in world.live(index) if route.path == ADMIN]
        world.time = now
        return sorted((*old, *fresh), key=lambda route: (-len(route.path), not route.header))

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
        return RuleProof(asked=False)


class WithoutExample(ToyDialect):
    """The toy whose route ADMIN is one of which no request follows from the files."""

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        expression = Example(why_not="a regular expression", taken=f"^{ADMIN}")
        return tuple(
            replace(view, examples=(expression,)) if view.match == ADMIN else view for view in super().routes(files)
        )


def a_driver(world: World, gateway: MemoryGateway, dialect: ToyDialect | None = None) -> Driver:
    wired = ports(world, AskingSuites(world, []))
    changed = replace(wired.gateway, prober=gateway, readback=gateway, replicas=gateway)
    changed = replace(changed, dialect=dialect) if dialect else changed
    return Driver(replace(wired, gateway=changed), Holder("ci", "host", 1, world.wall()))


def a_plain_release(world: World, mode: Mode = Mode.ON_SUCCESS, **target: object) -> Release:
    app = replace(PLAIN, target=replace(PLAIN.target, **target))
    return a_release(world, AskingSuites(world, []), app, mode)


def said(release: Release, phase: Phase) -> str:
    return next(note.text for note in release.notes if note.phase is phase)


def who_answers(world: World, gateway: MemoryGateway, release: Release, path: str) -> str:
    mark = (release.header.name, release.header.value)
    return gateway.ask(gateway.list()[0], Probe("shop", path, (mark,))).headers.get("x-served-by", "")


@dataclass
class Watching:
    """ports.ProgressListener that notes who answers marked requests on ADMIN when a step ends."""

    look: Callable[[], str]
    seen: dict[str, str]

    def started(self, step: str) -> None: ...

    def progress(self, step: str, text: str) -> None: ...

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        self.seen[step] = self.look()


def test_where_a_gateway_cannot_be_asked_each_route_is_proven_and_each_is_proven_gone():
    """s45: one path proved all: *prove* passed while the second route went to stable, *clear* while to the canary."""
    world = World(lags=(0.3,))
    gateway = SilentGateway(world, late=4.0)
    driver = a_driver(world, gateway)
    release = a_plain_release(world)
    watching = Watching(lambda: who_answers(world, gateway, release, ADMIN), {})
    driver = Driver(replace(driver.ports, listener=watching), driver.holder)

    ended = driver.begin(release)

    assert (ended.phase, ended.outcome, ended.reason) == (Phase.DONE, Outcome.PROMOTED, "")
    assert watching.seen["prove"].startswith("orders-canary")
    assert not watching.seen["clear"].startswith("orders-canary")
    assert said(ended, Phase.PROVE).startswith("1/1 gateway replicas serve it on 2 routes")
    assert said(ended, Phase.CLEAR) == "gone from 1/1 gateway replicas on 2 routes"


def test_a_route_without_a_request_is_named_as_not_proven_and_a_path_of_probe_paths_closes_the_gap():
    world = World()
    driver = a_driver(world, SilentGateway(world), WithoutExample())

    ended = driver.begin(a_plain_release(world))

    open_text = "not proven: /api/orders-admin (a regular expression: name a path of it in probe.paths)"
    assert said(ended, Phase.PROVE).startswith("2/2 gateway replicas serve it on 1 of 2 routes, ")
    assert said(ended, Phase.PROVE).endswith(open_text)
    assert said(ended, Phase.CLEAR) == f"gone from 2/2 gateway replicas on 1 of 2 routes; {open_text}"
    assert '"gap": "a regular expression' in world.documents[ended.id, "routes.json"]

    world = World()
    driver = a_driver(world, SilentGateway(world), WithoutExample())
    ended = driver.begin(a_plain_release(world, path="/api/orders/health", paths=("/api/orders-admin/list",)))

    assert said(ended, Phase.PROVE).startswith("2/2 gateway replicas serve it on 2 routes")
    assert "not proven" not in said(ended, Phase.PROVE)


def test_where_a_gateway_was_asked_a_route_without_a_request_is_proven_by_configuration_only():
    world = World()

    ended = a_driver(world, MemoryGateway(world), WithoutExample()).begin(a_plain_release(world))

    assert "on 2 routes" in said(ended, Phase.PROVE)
    assert "by configuration only: /api/orders-admin (a regular expression" in said(ended, Phase.PROVE)


def test_a_request_that_another_application_answers_proves_nothing_and_fails_nothing():
    world = World()
    other = Answer(200, {"x-served-by": "web-7d9f8b6c5-x2x4v"})
    gateway = SilentGateway(world, odd=lambda probe: other if probe.path == ADMIN else None)

    ended = a_driver(world, gateway).begin(a_plain_release(world))

    assert ended.outcome is Outcome.PROMOTED
    assert "on 1 of 2 routes" in said(ended, Phase.PROVE)
    assert "not proven: /api/orders-admin (shop/api/orders-admin does not reach it: HTTP 200" in said(
        ended, Phase.PROVE
    )


def test_a_second_route_that_stays_with_stable_ends_the_release_with_its_name():
    world = World()
    gateway = SilentGateway(world, late=500.0)

    ended = a_driver(world, gateway).begin(a_plain_release(world))

    assert ended.outcome is Outcome.FAILED
    assert f"{ADMIN}: a marked request was not answered by the canary" in ended.reason


def test_an_unmarked_request_on_a_second_route_that_reaches_the_canary_is_a_leak():
    world = World()
    leak = Answer(200, {"x-served-by": "orders-canary-00001"})
    gateway = SilentGateway(world, odd=lambda probe: leak if (probe.path, probe.headers) == (ADMIN, ()) else None)

    ended = a_driver(world, gateway).begin(a_plain_release(world))

    assert ended.outcome is Outcome.REJECTED
    assert f"no header on {ADMIN}" in ended.reason


def add_route(world: World, line: str) -> None:
    store = MemoryRouteStore(world)
    stored = store.read()
    store.write((SourceFile("routes.txt", stored.files[0].text + line),), stored)
    world.sleep(3.0)


def test_a_route_that_came_during_the_release_fails_confirm_and_is_told_by_status():
    """q23: the rule covers what was there when it was written; a later route always went to stable."""
    world = World()
    driver = a_driver(world, MemoryGateway(world))
    release = driver.begin(a_plain_release(world, Mode.MANUAL))
    add_route(world, "/v2/orders -> orders\n")

    seen = survey(driver.ports, release.target)
    text = StatusReport((seen,)).text()
    ended = driver.send("orders", PromoteAsked())

    assert "rule   on 2 of 3 routes: routes.txt:7 /v2/orders has none" in text
    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.CONFLICT)
    assert "routes.txt:7: /v2/orders sends to orders without the canary's rule: it covers 2 of 3 routes" in ended.reason
    assert "start the release again" in ended.reason
    assert world.deployments["orders"].image == "shop/orders:1.0"
    assert world.published[-1][1][0].text == ROUTES + "/v2/orders -> orders\n"


class WithoutExpressions(ToyDialect):
    """The toy that takes no rule where a route of the application is an expression.

    As the gateways do, it counts lines without the rule that it is about to replace.
    """

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        for view in self.routes(self.remove(files, rule.app).apply(files)):
            if view.match.endswith("*") and view.target == rule.service:
                raise Refused(view.file, view.line, "expressions are not covered")
        return super().insert(files, rule)


def test_a_route_that_came_during_the_release_and_that_no_rule_can_cover_fails_confirm():
    """Nobody knew which routes there are, and the proof passed with those that had the rule."""
    world = World()
    driver = a_driver(world, MemoryGateway(world), WithoutExpressions())
    driver.begin(a_plain_release(world, Mode.MANUAL))
    add_route(world, "/v2/* -> orders\n")

    ended = driver.send("orders", PromoteAsked())

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.CONFLICT)
    assert "routes.txt:7: expressions are not covered" in ended.reason
    assert "correct the gateway's files there, then start the release again" in ended.reason
    assert world.deployments["orders"].image == "shop/orders:1.0"
    assert "nobody knows its other routes: routes.txt:5: expressions" in said(ended, Phase.CLEAR)
    assert world.published[-1][1][0].text == ROUTES + "/v2/* -> orders\n"


def test_a_route_of_somebody_else_that_came_meanwhile_does_not_matter():
    world = World()
    driver = a_driver(world, MemoryGateway(world))
    driver.begin(a_plain_release(world, Mode.MANUAL))
    add_route(world, "/v2/payments -> payments\n")

    assert driver.send("orders", PromoteAsked()).outcome is Outcome.PROMOTED


def test_a_missing_rule_is_not_taken_for_a_new_route():
    world = World()
    driver = a_driver(world, MemoryGateway(world))
    release = driver.begin(a_plain_release(world, Mode.MANUAL))
    stored = driver.ports.gateway.store.read()
    driver.ports.gateway.store.write((SourceFile("routes.txt", ROUTES),), stored)

    ended = driver.send("orders", PromoteAsked())

    assert ended.outcome is Outcome.FAILED
    assert "the rule is not in the gateway's files" in ended.reason
    assert release.id == ended.id


def test_the_way_out_goes_on_when_nobody_can_tell_which_routes_there_are():
    world = World()
    driver = a_driver(world, MemoryGateway(world))
    driver.begin(a_plain_release(world, Mode.MANUAL))
    stored = driver.ports.gateway.store.read()
    text = stored.files[0].text.replace("-> orders\n", "-> payments\n")
    driver.ports.gateway.store.write((SourceFile("routes.txt", text),), stored)

    ended = driver.abort("orders", "on call")

    assert (ended.phase, ended.stuck) == (Phase.DONE, "")
    assert "nobody knows its other routes: routes.txt: no route sends to orders" in said(ended, Phase.CLEAR)
