"""One release, watched from outside while it goes: proofs, people who interfere, and the ways back."""

from dataclasses import replace

import pytest

from gatewayctl.cli.show import exit_code
from gatewayctl.domain.audit import chain
from gatewayctl.domain.errors import Busy, ExitCode, UsageFault
from gatewayctl.domain.lifecycle import PromoteAsked, Resumed, SmokeAsked
from gatewayctl.domain.release import Mode, Outcome, Phase
from gatewayctl.domain.routing import SourceFile
from tests.fakes.shop import a_driver, a_trial
from tests.fakes.world import ROUTES
from tests.orchestration.audit_chain import broken_link
from tests.orchestration.interference import a_started, at


def test_once_routed_every_marked_request_on_every_replica_is_the_canarys():
    world, suites, release = a_started()

    waiting = a_driver(world, suites).begin(release)

    assert (waiting.phase, waiting.tested) == (Phase.WAIT, True)
    for index in range(2):
        assert "canary" in world.answer(index, release.marked_probe).headers["x-served-by"]


def test_routed_is_not_said_while_one_replica_lags():
    world, suites, release = a_started(trial=a_trial(live=3.0))
    world.lags = (0.1, 10.0)

    ended = a_driver(world, suites).begin(release)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.FAILED)
    assert "gw-1: 0 of 2 routes carry the rule" in ended.reason
    world.sleep(20.0)  # when the laggard comes at last, it finds no rule


def test_a_replica_that_dies_on_the_way_in_fails_the_release_and_is_not_waited_for_on_the_way_out():
    world, suites, release = a_started(trial=a_trial(live=3.0))
    at(world, 2.5, lambda: world.down.add("gw-1"))

    ended = a_driver(world, suites).begin(release)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.FAILED)
    assert "gw-1" in ended.reason
    assert any("1/2 gateway replicas, 1 down" in note.text for note in ended.notes)


def test_a_persons_edit_during_the_release_survives():
    world, suites, release = a_started(Mode.ON_SUCCESS)

    def edit() -> None:
        text = world.published[-1][1][0].text
        assert "gatewayctl-orders-canary" in text
        world.published.append((world.time, (SourceFile("routes.txt", text + "/new -> payments\n"),)))
        world.store_version += 1

    at(world, 4.0, edit)

    ended = a_driver(world, suites).begin(release)

    assert ended.outcome is Outcome.PROMOTED
    assert world.published[-1][1][0].text == ROUTES + "/new -> payments\n"


def test_a_leaking_rule_fails_the_release():
    world, suites, release = a_started()

    def leak() -> None:
        text = world.published[-1][1][0].text
        world.published.append((world.time - 5, (SourceFile("routes.txt", "/api/payments -> orders-canary\n" + text),)))
        world.store_version += 1

    at(world, 2.5, leak)

    ended = a_driver(world, suites).begin(release)

    assert ended.outcome is Outcome.REJECTED
    assert "neighbour payments" in ended.reason


def test_an_image_that_someone_else_gave_to_stable_is_not_overwritten():
    world, suites, release = a_started(Mode.MANUAL)
    driver = a_driver(world, suites)
    driver.begin(release)
    world.deployments["orders"] = replace(world.deployments["orders"], image="shop/orders:1.0.1", version=9)
    world.sleep(20.0)

    ended = driver.send("orders", PromoteAsked())

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.CONFLICT)
    assert exit_code(ended) is ExitCode.CONFLICT
    assert "changed to shop/orders:1.0.1 by someone else" in ended.reason
    assert world.deployments["orders-canary"].replicas == 0
    assert world.deployments["orders"].image == "shop/orders:1.0.1"


def test_a_canary_image_that_someone_else_set_is_a_conflict_and_everything_goes_back():
    world, suites, release = a_started(Mode.MANUAL)
    driver = a_driver(world, suites)
    driver.begin(release)
    world.deployments["orders-canary"] = replace(world.deployments["orders-canary"], image="shop/orders:2.0", version=9)

    ended = driver.send("orders", PromoteAsked())

    assert (ended.phase, ended.outcome, exit_code(ended)) == (Phase.DONE, Outcome.CONFLICT, ExitCode.CONFLICT)
    assert world.published[-1][1][0].text == ROUTES
    assert world.deployments["orders-canary"].replicas == 0


def test_a_suite_that_could_not_tell_does_not_blame_the_canary_and_everything_goes_back():
    world, suites, release = a_started(Mode.ON_SUCCESS)
    suites.touching = False

    ended = a_driver(world, suites).begin(release)

    assert (ended.phase, ended.outcome, exit_code(ended)) == (Phase.DONE, Outcome.INCONCLUSIVE, ExitCode.INCONCLUSIVE)
    assert [note.mark for note in ended.notes if note.phase is Phase.SMOKE] == ["?"]
    assert world.published[-1][1][0].text == ROUTES
    assert (world.deployments["orders"].image, world.deployments["orders-canary"].replicas) == ("shop/orders:1.0", 0)


def test_a_canary_service_that_somebody_took_away_ends_the_release_long_before_the_deadline():
    world, suites, release = a_started(Mode.MANUAL, trial=a_trial(live=500.0))
    driver = a_driver(world, suites)
    driver.begin(release)
    world.lost.add("orders-canary")
    begun = world.time

    ended = driver.send("orders", PromoteAsked())

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.REJECTED)
    assert "gw-0 has run the rule for 20 s, but a marked request was not answered by the canary" in ended.reason
    assert world.time - begun < 60.0


def test_a_canary_service_that_is_only_late_is_waited_for():
    world, suites, release = a_started(Mode.MANUAL)
    driver = a_driver(world, suites)
    driver.begin(release)
    world.lost.add("orders-canary")
    at(world, world.time + 15.0, lambda: world.lost.discard("orders-canary"))

    assert driver.send("orders", PromoteAsked()).outcome is Outcome.PROMOTED


def test_a_canary_deployment_that_somebody_took_away_ends_the_release_at_once_and_all_else_is_put_back():
    world, suites, release = a_started(Mode.MANUAL)
    driver = a_driver(world, suites)
    driver.begin(release)
    world.lost.add("orders-canary")
    del world.deployments["orders-canary"]
    begun = world.time

    ended = driver.send("orders", PromoteAsked())

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.FAILED)
    assert "there is no Deployment orders-canary" in ended.reason
    assert "someone took it away" in ended.notes[-1].text
    assert world.published[-1][1][0].text == ROUTES
    assert world.time - begun < 10.0


def test_requests_in_flight_keep_the_canary_alive_for_the_drain_period():
    world, suites, release = a_started(Mode.MANUAL)
    driver = a_driver(world, suites)
    driver.begin(release)
    world.in_flight_until = world.time + 4.0

    driver.abort("orders", "no")

    assert world.deployments["orders-canary"].since >= world.in_flight_until


def test_a_pipeline_takes_a_release_through_its_stages():
    world, suites, release = a_started(Mode.STAGED)
    driver = a_driver(world, suites)

    assert driver.begin(release).phase is Phase.WAIT
    with pytest.raises(UsageFault, match="has not passed its suites"):
        driver.send("orders", PromoteAsked())
    assert driver.send("orders", SmokeAsked()).tested
    assert driver.send("orders", PromoteAsked()).outcome is Outcome.PROMOTED


def test_what_was_proven_too_long_ago_is_not_promoted():
    world, suites, release = a_started()
    driver = a_driver(world, suites)
    driver.begin(release)
    world.time += 3601.0

    with pytest.raises(UsageFault, match="has expired"):
        driver.send("orders", PromoteAsked())
    assert driver.abort("orders", "expired").ended


def test_nothing_in_progress_means_nothing_to_abort():
    world, suites, release = a_started(Mode.ON_SUCCESS)
    driver = a_driver(world, suites)
    with pytest.raises(UsageFault, match="orders has no release in progress"):
        driver.abort("orders", "no")
    driver.begin(release)
    with pytest.raises(UsageFault, match=r"its last one, r-[0-9a-f]+, is promoted"):
        driver.abort("orders", "no")
    assert world.deployments["orders"].replicas == 2


def test_a_live_process_keeps_others_out():
    world, suites, release = a_started()
    driver, other = a_driver(world, suites, pid=1), a_driver(world, suites, pid=2)
    tried = []

    def resume() -> None:
        with pytest.raises(Busy, match="held by ci on host"):
            other.send("orders", Resumed())
        tried.append(True)

    at(world, 1.0, resume)
    assert driver.begin(release).phase is Phase.WAIT
    assert tried


def test_an_interrupt_goes_back():
    world, suites, release = a_started()

    def interrupt() -> None:
        raise KeyboardInterrupt

    at(world, 4.0, interrupt)
    ended = a_driver(world, suites).begin(release)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.ABORTED)
    assert world.published[-1][1][0].text == ROUTES
    assert world.deployments["orders-canary"].replicas == 0


@pytest.mark.parametrize("write", range(1, 30))
def test_an_interrupt_in_the_middle_of_any_write_goes_back_too(write):
    world, suites, release = a_started(Mode.ON_SUCCESS)
    burn, sent = world.burn, []

    def interrupt(what: str) -> None:
        burn(what)
        if world.writes == write + 2 and not sent:  # the first two are the journal's own beginning
            sent.append(what)
            raise KeyboardInterrupt

    world.burn = interrupt  # type: ignore[method-assign]
    ended = a_driver(world, suites).begin(release)

    assert ended.ended
    if ended.outcome is Outcome.PROMOTED:  # nothing was left to take back
        assert sent in ([], ["after journal done"])
    else:
        assert world.published[-1][1][0].text == ROUTES
        assert world.deployments["orders"].image == "shop/orders:1.0"


def test_a_second_interrupt_stops_at_once_and_resume_completes():
    world, suites, release = a_started()

    def interrupt() -> None:
        raise KeyboardInterrupt

    at(world, 4.0, interrupt)
    at(world, 4.5, interrupt)
    with pytest.raises(KeyboardInterrupt):
        a_driver(world, suites).begin(release)

    world.dead.add(1)
    assert a_driver(world, suites, pid=2).send("orders", Resumed()).outcome is Outcome.ABORTED


def test_the_story_of_a_release_is_chained():
    world, suites, release = a_started(Mode.ON_SUCCESS)
    ended = a_driver(world, suites).begin(release)

    story = chain(ended)

    assert broken_link(story) == 0
    lines = story.splitlines()
    assert broken_link("\n".join([*lines[:3], *lines[4:]])) == 4
    assert broken_link(story.replace("2/2 gateway replicas", "3/3 gateway replicas", 1)) > 0
