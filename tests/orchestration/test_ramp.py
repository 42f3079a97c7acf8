"""A ramp on the fake world: what each replica serves in each step, and that every way back gives the traffic back."""

from dataclasses import dataclass, replace

import pytest

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import Superseded
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.lifecycle import PauseAsked, Resumed, SkipAsked
from gatewayctl.domain.platform import Probe, Replica
from gatewayctl.domain.ramp import Promotion, Ramp, Step
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.domain.routing import STAMP_HEADER
from gatewayctl.orchestration.planning import plan
from tests.fakes.shop import ORDERS, AskingSuites, a_driver, a_release
from tests.fakes.toy import ToyRoute, parse
from tests.fakes.world import Killed, World
from tests.orchestration.interference import at
from tests.orchestration.test_coverage import ADMIN, SilentGateway, Watching
from tests.orchestration.test_coverage import a_driver as a_silent_driver

RAMP = Ramp((Step(10, 30.0), Step(50, 30.0, replicas=2)))


def ramped(**changes: object) -> AppSpec:
    return replace(ORDERS, trial=replace(ORDERS.trial, **{"ramp": RAMP, **changes}))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def suites(world: World) -> AskingSuites:
    return AskingSuites(world, [])


def texts(release: Release, phase: Phase) -> list[str]:
    return [note.text for note in release.notes if note.phase is phase and note.mark != "–"]


def test_a_good_canary_climbs_and_is_promoted(world, suites):
    routes = world.published[-1][1]

    ended = a_driver(world, suites).begin(a_release(world, suites, ramped()))

    assert (ended.outcome, ended.phase, ended.share, ended.ramped) == (Outcome.PROMOTED, Phase.DONE, 0, True)
    first, second = texts(ended, Phase.SHARE)
    assert first.startswith("10 % asked: 1")
    assert second.startswith("50 % asked: 50.0 % of 200 unmarked requests reached the canary")
    assert second.endswith("on 2/2 replicas")
    assert [note.seconds >= 30 for note in ended.notes if note.phase is Phase.OBSERVE] == [True, True]
    assert texts(ended, Phase.RETURN)[0].startswith("no unmarked request reaches the canary on 2 gateway replicas")
    assert world.published[-1][1] == routes
    assert world.deployments["orders-canary"].replicas == 0


def test_the_plan_shows_what_each_share_writes(world, suites):
    made = plan(a_driver(world, suites).ports, a_release(world, suites, ramped(promotion=Promotion.STEERED)))

    names = [diff.name for diff in made.diffs]
    file = next(name for name in names if not name.startswith("Deployment"))
    assert names == [
        "Deployment orders-canary",
        file,
        *(f"{file}, {share} % of real traffic" for share in (10, 50, 100)),
        "Deployment orders",
    ]
    assert all("+" in diff.text for diff in made.diffs)
    line = "send real traffic to the canary, not judged: 10 % for 30 s, 50 % with 2 Pods for 30 s"
    assert line in made.steps


def test_the_canary_has_the_pods_of_a_step_before_its_share(world, suites):
    def look() -> None:
        World.look(world)
        live = [int(route.share) for index in range(2) for route in world.live(index) if route.share]
        if live and max(live) == 50:
            assert world.ready("orders-canary") >= 2

    world.look = look  # type: ignore[method-assign]

    assert a_driver(world, suites).begin(a_release(world, suites, ramped())).outcome is Outcome.PROMOTED


class HalfShare(World):
    """A gateway whose second replica takes no share, whatever its configuration says."""

    def answer(self, index: int, probe: Probe) -> Answer:
        live = [route for route in self.live(index) if not (index and route.share)]
        return self.reply(live, probe)


def test_a_share_that_one_replica_does_not_serve_fails_the_release():
    world = HalfShare()
    suites = AskingSuites(world, [])

    ended = a_driver(world, suites).begin(a_release(world, suites, ramped()))

    assert (ended.outcome, ended.phase) == (Outcome.REJECTED, Phase.DONE)
    assert "the share is not effective: gw-1: 10 % asked, but 0.0 % of 100 unmarked requests" in ended.reason


def test_a_share_that_somebody_takes_away_while_it_is_counted_is_no_fault_of_the_canary():
    world = HalfShare()
    suites = AskingSuites(world, [])

    def put_back() -> None:
        assert world.records["orders"].release.phase is Phase.SHARE
        world.published.append((world.time, world.published[0][1]))
        world.store_version += 1

    at(world, 15.0, put_back)
    ended = a_driver(world, suites).begin(a_release(world, suites, ramped()))

    assert (ended.outcome, ended.phase) == (Outcome.CONFLICT, Phase.DONE)
    assert "the gateway's files have the share of 10 % for orders no more" in ended.reason


class SlowWorkers(World):
    """A gateway that answers by its old files for three seconds after it shows the new ones."""

    def answer(self, index: int, probe: Probe) -> Answer:
        now = self.time
        self.time = now - 3.0
        routes = self.live(index)
        self.time = now
        return self.reply(routes, probe)


def test_a_share_is_returned_when_no_answer_comes_by_the_old_files_any_more():
    world = SlowWorkers()
    suites = AskingSuites(world, [])

    ended = a_driver(world, suites).begin(a_release(world, suites, ramped(ramp=Ramp((Step(10, 30.0),)))))

    assert ended.outcome is Outcome.PROMOTED
    assert "s after the write" in texts(ended, Phase.RETURN)[0]


def test_a_canary_that_is_lost_under_a_share_gives_the_traffic_back(world, suites):
    driver = a_driver(world, suites)
    release = a_release(world, suites, ramped())
    sleep = world.sleep

    def break_it(seconds: float) -> None:
        if world.records["orders"].release.phase is Phase.OBSERVE:
            for pod in world.deployments["orders-canary"].pods:
                pod.image = "shop/orders:1.1-crash"
        sleep(seconds)

    world.standing = True  # the rule points at a canary that is lost, until the way back has taken it away
    world.sleep = break_it  # type: ignore[method-assign]
    ended = driver.begin(release)

    assert (ended.outcome, ended.share) == (Outcome.REJECTED, 0)
    assert "not ready any more" in ended.reason
    assert texts(ended, Phase.RETURN)


def test_a_steered_promotion_rolls_stable_while_the_canary_has_all_traffic(world, suites):
    mixed: list[str] = []
    pods = {pod.name for pod in world.deployments["orders"].pods}

    def look() -> None:
        World.look(world)
        rolling = {pod.name for pod in world.deployments["orders"].pods} != pods
        if rolling and world.records["orders"].release.phase is Phase.PROMOTE:
            answers = [world.answer(index, Probe("shop", "/api/orders")) for index in range(2)]
            mixed.extend(one.headers["x-served-by"] for one in answers if "canary" not in one.headers["x-served-by"])

    world.look = look  # type: ignore[method-assign]
    app = ramped(ramp=Ramp(), promotion=Promotion.STEERED)

    ended = a_driver(world, suites).begin(a_release(world, suites, app))

    assert ended.outcome is Outcome.PROMOTED
    assert mixed == []
    assert texts(ended, Phase.CARRY)[0].startswith("orders-canary 2/2 ready")
    assert world.deployments["orders"].image == "shop/orders:1.1"


def killed_in(world: World, suites: AskingSuites, phase: Phase, ramp: Ramp = RAMP) -> None:
    """A release of the ramp whose process dies in a phase."""
    release = a_release(world, suites, ramped(ramp=ramp))
    save = world.burn

    def burn(what: str) -> None:
        save(what)
        if what == f"after journal {phase}":
            raise Killed(what)

    world.burn = burn  # type: ignore[method-assign]
    with pytest.raises(Killed):
        a_driver(world, suites).begin(release)
    world.burn = save  # type: ignore[method-assign]
    world.dead.add(1)


@pytest.mark.parametrize("phase", [Phase.SHIFT, Phase.SHARE, Phase.OBSERVE])
@pytest.mark.parametrize("way", ["resume", "abort"])
def test_a_release_that_died_in_a_step_goes_on_or_gives_the_traffic_back(world, suites, phase, way):
    killed_in(world, suites, phase)

    driver = a_driver(world, suites, pid=2)
    ended = driver.send("orders", Resumed()) if way == "resume" else driver.abort("orders", "no")

    assert ended.outcome is (Outcome.PROMOTED if way == "resume" else Outcome.ABORTED)
    assert world.published[-1][1] == world.published[0][1]


class LateWatch(World):
    """Kubelets that hear of each write so much later, and not only of the newest one."""

    def live(self, index: int) -> list[ToyRoute]:
        newest = [files for since, files in self.published if since + self.lags[index] <= self.time][-1]
        return [route for file in newest for _, route in parse(file)]


@pytest.mark.parametrize("is_asked", [True, False])
def test_a_replica_that_may_yet_take_the_share_is_not_believed_on_the_way_back(is_asked):
    """It showed the files of before the share, and its kubelet had not synced the share yet."""
    world = LateWatch(lags=(0.0, 0.9))
    suites = AskingSuites(world, [])
    killed_in(world, suites, Phase.SHARE)
    driver = a_driver(world, suites, pid=2)
    if not is_asked:
        driver.ports = replace(driver.ports, gateway=replace(driver.ports.gateway, readback=SilentGateway(world)))
    world.sleep(0.2)
    assert not any(route.share for route in world.live(1))

    ended = driver.abort("orders", "no")

    assert ended.outcome is Outcome.ABORTED  # the world looks at I1 all the time
    assert world.published[-1][1] == world.published[0][1]


def test_each_route_has_the_share_and_gives_it_back_where_only_requests_show_it():
    """A gateway whose routes are several objects: an answer on one route says nothing of another one."""
    world = World(lags=(0.3,))
    gateway = SilentGateway(world, late=4.0)
    driver = a_silent_driver(world, gateway)

    def who() -> str:
        return gateway.ask(gateway.list()[0], Probe("shop", ADMIN)).headers["x-served-by"]

    watching = Watching(who, {})
    app = ramped(ramp=Ramp(), promotion=Promotion.STEERED, suite=None, load=None)
    driver.ports = replace(driver.ports, listener=watching)

    ended = driver.begin(a_release(world, AskingSuites(world, []), app))

    assert ended.outcome is Outcome.PROMOTED
    assert watching.seen["carry"].startswith("orders-canary-")
    assert not watching.seen["return"].startswith("orders-canary-")


@dataclass
class NamelessRoute(SilentGateway):
    """The route ADMIN does not say who answers: only the gateway's stamp shows the canary."""

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        found = super().ask(replica, probe)
        if probe.path != ADMIN:
            return found
        return replace(found, headers={name: text for name, text in found.headers.items() if name != "x-served-by"})


def test_the_stamp_alone_shows_that_a_route_has_not_given_its_share_back():
    world = World(lags=(0.3,))
    gateway = NamelessRoute(world, late=4.0)
    driver = a_silent_driver(world, gateway)
    watching = Watching(lambda: str(gateway.ask(gateway.list()[0], Probe("shop", ADMIN)).headers), {})
    driver.ports = replace(driver.ports, listener=watching)
    app = ramped(ramp=Ramp((Step(100, 10.0),)), suite=None, load=None)

    ended = driver.begin(a_release(world, AskingSuites(world, []), app))

    assert ended.outcome is Outcome.PROMOTED
    assert STAMP_HEADER in watching.seen["observe"]
    assert STAMP_HEADER not in watching.seen["return"]


def test_a_paused_ramp_keeps_its_share_until_it_is_resumed(world, suites):
    killed_in(world, suites, Phase.OBSERVE)
    driver = a_driver(world, suites, pid=2)

    paused = driver.send("orders", PauseAsked())
    world.sleep(100.0)
    assert {int(route.share) for route in world.live(0) if route.share} == {10}
    ended = driver.send("orders", Resumed())

    assert (paused.phase, paused.share) == (Phase.PAUSED, 10)
    assert ended.outcome is Outcome.PROMOTED


def test_a_skipped_step_is_not_observed(world, suites):
    killed_in(world, suites, Phase.OBSERVE)

    ended = a_driver(world, suites, pid=2).send("orders", SkipAsked())

    assert ended.outcome is Outcome.PROMOTED
    assert len(texts(ended, Phase.OBSERVE)) == 1


def test_who_promotes_by_hand_finds_the_last_share_waiting(world, suites):
    ended = a_driver(world, suites).begin(a_release(world, suites, ramped(), Mode.MANUAL))

    assert (ended.phase, ended.share, ended.ramped) == (Phase.WAIT, 50, True)


class SteeredWorld(World):
    """Somebody steers the release while its process observes the first step."""

    ask = staticmethod(lambda: None)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        record = self.records.get("orders")
        if record and record.release.phase is Phase.OBSERVE and record.release.step == 0 and self.time > 20:
            ask, self.ask = self.ask, lambda: None
            ask()


@pytest.mark.parametrize(("event", "phase"), [(PauseAsked(), Phase.PAUSED), (SkipAsked(), Phase.DONE)])
def test_the_process_that_drives_a_release_goes_on_as_somebody_else_steers_it(event, phase):
    world = SteeredWorld()
    suites = AskingSuites(world, [])
    moved: list[Release] = []
    world.ask = lambda: moved.append(a_driver(world, suites, pid=2).steer("orders", event))

    ended = a_driver(world, suites).begin(a_release(world, suites, ramped()))

    assert [one.phase for one in moved] == [Phase.PAUSED if phase is Phase.PAUSED else Phase.SHIFT]
    assert ended.phase is phase
    assert ended.outcome is (Outcome.OPEN if phase is Phase.PAUSED else Outcome.PROMOTED)
    assert any(note.text.endswith("asked by ci on host (pid 2)") for note in ended.notes)
    assert len(texts(ended, Phase.OBSERVE)) == (0 if phase is Phase.PAUSED else 1)


def test_an_abort_by_somebody_else_ends_the_process_that_observes():
    world = SteeredWorld()
    suites = AskingSuites(world, [])

    def abort() -> None:
        world.dead.add(1)  # its lease is free
        a_driver(world, suites, pid=2).abort("orders", "no")

    world.ask = abort
    with pytest.raises(Superseded, match="was taken over: it was aborted: no"):
        a_driver(world, suites).begin(a_release(world, suites, ramped()))

    assert world.records["orders"].release.outcome is Outcome.ABORTED


def test_a_step_that_is_skipped_while_nobody_drives_is_gone_on_with_by_who_asked(world, suites):
    killed_in(world, suites, Phase.OBSERVE)

    ended = a_driver(world, suites, pid=2).steer("orders", SkipAsked())

    assert ended.outcome is Outcome.PROMOTED


@pytest.mark.parametrize("paused", [False, True])
def test_a_last_step_that_is_skipped_before_its_share_is_written_is_promoted(world, suites, paused):
    killed_in(world, suites, Phase.SHIFT, Ramp(RAMP.steps[1:]))
    driver = a_driver(world, suites, pid=2)
    if paused:
        driver.steer("orders", PauseAsked())
    assert not any(route.share for route in world.live(0))

    ended = driver.steer("orders", SkipAsked())

    assert (ended.outcome, ended.reason) == (Outcome.PROMOTED, "")
    assert texts(ended, Phase.OBSERVE) == []
    assert len(texts(ended, Phase.SHIFT)) == 1
