"""A seed is the whole story: it replays exactly, anywhere, and a broken one says how."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.mutation import find_catch
from tests.simulation.mutations import MUTATIONS
from tests.simulation.schedule import play, write_story

ROOT = Path(__file__).parents[2]


def test_a_seed_tells_the_same_story_whatever_was_played_before_it():
    first = [write_story(seed) for seed in range(20)]

    assert [write_story(seed) for seed in reversed(range(20))] == first[::-1]
    assert len(set(first)) == 20


def test_a_schedule_does_not_depend_on_being_told():
    for seed in range(20):
        assert play(seed).tally.counts == play(seed, trace=True).tally.counts


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_tells_the_same_story(hash_seed):
    argv = [sys.executable, "-m", "tests.simulation", "--seed", "7", "--count", "1"]
    run = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, timeout=120
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == write_story(7) + "\n"


def test_a_broken_schedule_is_told_to_its_breach_with_the_command_that_plays_it_again():
    mutation = MUTATIONS["the rule is written before the canary is ready"]
    caught = find_catch(mutation, 1000)

    lines = write_story(caught.seed, mutation.variant).splitlines()

    assert "✗ rollout: " in lines[-3]
    assert lines[-2] == f"seed {caught.seed}: {caught.broken}"
    assert lines[-1] == f"again: make simulate SEED={caught.seed} N=1"
