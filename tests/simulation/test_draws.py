"""Each draw has a stream of its own and can be forced, and the rest of the schedule stays as it was."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayctl.domain.release import Phase
from tests.simulation.__main__ import main
from tests.simulation.draws import NOTHING, Draws, ForcedDrawError, Odds
from tests.simulation.faults import MENU, Fault, Kind, WorldEvent
from tests.simulation.schedule import play

ROOT = Path(__file__).parents[2]
SAVES_RELEASE = "release orders 0 / journal orders r-1 warm open"  # the first write of each schedule
READS = "release orders 0 / read orders-canary"
CALLS = {Kind.WRITE: SAVES_RELEASE, Kind.READ: READS}
FAULTS = [(kind, fault) for kind in CALLS for fault in dict.fromkeys(MENU[kind])]


def calm(**more):
    """Draws forced so that nothing else goes wrong: no rate of faults, no event, no planned death."""
    return {
        "faults / only sleeps #1": False,
        "faults / roughness #1": 0.0,
        "faults / focus #1": "",
        "faults / events #1": 0,
        "faults / a driver dies #1": False,
        **more,
    }


def test_a_draw_depends_on_its_seed_its_stream_and_its_number_only():
    alone, mixed = Draws(3), Draws(3)
    first = [alone.number("a") for _ in range(40)]

    second = []
    for number in range(40):
        mixed.choice(f"other {number % 3}", (1, 2, 3))
        second.append(mixed.number("a"))

    assert second == first
    assert len(set(first)) == 40
    assert [Draws(4).number("a"), Draws(3).number("b")] != [first[0], first[0]]


def test_draws_are_spread_as_they_say():
    draws = Draws(0)
    numbers = [draws.number("numbers") for _ in range(4000)]
    faults = [draws.call("calls", Odds(0.1, ("x", "y"), ("x", "y")))[1] for _ in range(4000)]

    assert 0.47 < sum(numbers) / 4000 < 0.53
    assert 0.22 < sum(draws.chance("chances", 0.25) for _ in range(4000)) / 4000 < 0.28
    assert all(150 < faults.count(fault) < 250 for fault in ("x", "y"))
    assert max(draws.seconds("seconds", (0.5, 2.0)) for _ in range(400)) > 1.9


@pytest.mark.parametrize(
    ("ask", "value", "outcome"),
    [
        (lambda draws: draws.number("s"), 0.25, 0.25),
        (lambda draws: draws.seconds("s", (1.0, 9.0)), "8.5", 8.5),
        (lambda draws: draws.choice("s", (1, 2, 3)), 2, 2),
        (lambda draws: draws.chance("s", 0.0), True, True),
    ],
)
def test_a_forced_draw_has_its_outcome_once(ask, value, outcome):
    forced, free = Draws(9, {"s #2": value}), Draws(9)

    assert [ask(forced) for _ in range(3)] == [ask(free), (ask(free), outcome)[1], ask(free)]
    forced.check_forced()


@pytest.mark.parametrize(
    ("ask", "value"),
    [
        (lambda draws: draws.number("s"), 1.0),
        (lambda draws: draws.number("s"), "much"),
        (lambda draws: draws.seconds("s", (1.0, 9.0)), 9.0),
        (lambda draws: draws.choice("s", (1, 2, 3)), 4),
        (lambda draws: draws.chance("s", 0.5), "perhaps"),
    ],
)
def test_an_outcome_that_a_draw_cannot_have_is_refused(ask, value):
    with pytest.raises(ForcedDrawError, match="s #1: expected"):
        ask(Draws(0, {"s #1": value}))


def test_a_forced_draw_that_nobody_asks_for_is_an_error():
    with pytest.raises(ForcedDrawError, match="seed 7 has no draw named nobody / nothing #1"):
        play(7, forced={"nobody / nothing #1": 0.5})


def test_a_fault_that_the_call_cannot_meet_is_refused():
    with pytest.raises(ForcedDrawError, match="expected one of"):
        play(7, forced={f"{SAVES_RELEASE} / fault #1": Fault.STALE})


@pytest.mark.parametrize("seed", [0, 2, 3, 5, 6, 7])  # those whose first release comes to its first write
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.LOST, Fault.PAUSED, Fault.LATE])
def test_forcing_one_fault_leaves_every_other_draw_as_it_was(seed, fault):
    name = f"{SAVES_RELEASE} / fault #1"
    before = play(seed, trace=True).draws.drawn
    after = play(seed, forced={name: fault}, trace=True).draws.drawn

    common = before.keys() & after.keys() - {name}
    assert {key: before[key] for key in common} == {key: after[key] for key in common}
    assert after[name] is fault
    assert len(common) > 100


def test_forcing_one_fault_leaves_the_steps_before_it_as_they_were():
    name = f"{SAVES_RELEASE} / fault #1"
    before = play(7, trace=True).tally.steps
    after = play(7, forced={name: Fault.CRASH_BEFORE}, trace=True).tally.steps

    place = next(number for number, step in enumerate(after) if step.endswith(f"! {Fault.CRASH_BEFORE}"))
    assert place > 5
    assert after[:place] == before[:place]


def test_forcing_what_comes_anyway_changes_nothing():
    free = play(11, trace=True)
    forced = play(11, forced=free.draws.drawn, trace=True)

    assert NOTHING in free.draws.drawn.values()
    assert forced.draws.drawn == free.draws.drawn
    assert forced.tally.steps == free.tally.steps


@pytest.mark.parametrize(("kind", "fault"), FAULTS, ids=str)
def test_each_fault_can_be_forced_and_the_invariants_hold(kind, fault):
    for seed in range(8):
        result = play(seed, forced=calm(**{f"{CALLS[kind]} / fault #1": fault}))

        assert result.tally.counts[f"fault: {fault}"] >= 1
        assert result.broken is None, result.broken


@pytest.mark.parametrize("phase", Phase)
def test_a_death_in_each_phase_can_be_forced_and_the_invariants_hold(phase):
    died = 0
    for seed in range(20):
        forced = {"faults / a driver dies #1": True, "faults / a driver dies in #1": phase}
        result = play(seed, forced=forced)
        died += result.tally.counts[f"died in {phase}"]

        assert result.broken is None, result.broken
    assert died >= 1


@pytest.mark.parametrize("event", WorldEvent, ids=str)
def test_each_event_can_be_forced_and_the_invariants_hold(event):
    for seed in range(10):
        result = play(seed, forced={"faults / events #1": 1, "event 0 / what #1": event})

        assert result.broken is None, result.broken


def test_the_command_line_forces_a_draw_and_says_how_to_do_it_again():
    name = f"{SAVES_RELEASE} / fault #1"
    argv = [sys.executable, "-m", "tests.simulation", "--seed", "7", "--count", "1"]
    argv += ["--draws", "--force", f"{name}={Fault.CRASH_BEFORE}"]
    run = subprocess.run(argv, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=120)

    assert (run.returncode, run.stderr) == (0, "")
    assert f"{name} = {Fault.CRASH_BEFORE}\n" in run.stdout
    assert run.stdout.endswith(f"again: make simulate SEED=7 N=1 FORCE='{name}={Fault.CRASH_BEFORE}'\n")


def test_the_command_line_refuses_a_draw_that_nobody_asks_for():
    argv = [sys.executable, "-m", "tests.simulation", "--count", "1", "--force", "nobody #1=0.5"]
    run = subprocess.run(argv, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=120)

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "seed 0 has no draw named nobody #1\n"


def test_the_commands_of_the_docs_print_draws_and_force_one(capsys):
    page = (ROOT / "docs" / "simulation.md").read_text()
    (forced,) = re.findall(r'^\$ make simulate N=1 SEED=7 FORCE="(.*)"$', page, re.MULTILINE)

    assert main(["--seed", "7", "--count", "1", "--draws"]) == 0
    assert forced.partition("=")[0] in capsys.readouterr().out
    assert main(["--seed", "7", "--count", "1", "--force", forced]) == 0
