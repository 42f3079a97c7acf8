"""Without faults, an abort is done in seconds, and a release asks the API server a bounded number of times."""

import pytest

from gatewayctl.domain.release import Phase
from tests.simulation.schedule import play
from tests.simulation.troubles import Trouble

SEEDS = range(30)
# What is asked of replicas, or read from a watch: no request to the API server.
FREE = ("ask ", "rule of ", "upstream of ", "in flight at ", "read ", "list replicas", "look at ", "exit ", "error: ")
CALM = {
    "applications #1": 1,
    "editors #1": 0,
    "faults / only sleeps #1": False,
    "faults / roughness #1": 0.0,
    "faults / focus #1": "",
    "faults / events #1": 0,
    "faults / a driver dies #1": False,
    "on call / is there #1": False,
    "sweep / is there #1": False,
    "the end of the faults / kills #1": False,
    "orders / suites are good #1": True,
    "orders / quality #1": "",
    "orders / load seconds #1": 4.0,
    "orders / mode #1": "on-success",
    "orders / lifetime #1": 3600.0,
    **{f"{who} / is there #1": False for who in ("blind editor", "route controller", "scale controller", "hotfix")},
    **{f"trouble / {trouble} #1": False for trouble in Trouble},
}
PLAIN = {"orders / has a ramp #1": False, "orders / promotion is steered #1": False}
ROLLING = {
    "orders / has a ramp #1": True,
    "orders / promotion is steered #1": False,
    "orders / shares #1": (50,),
    "orders / step seconds #1": 0.5,
    "orders / what an undecided judge does #1": "nobody",
    "orders / ramp commands #1": 0,
}
STEERED = {**ROLLING, "orders / promotion is steered #1": True}


def steps_of(result, process):
    """(time, effect) of each step of one process."""
    lines = (line for line in result.tally.steps if line[11:].startswith(f"{process} "))
    return [(float(line[:9]), line[11 + max(18, len(process)) :].strip()) for line in lines]


@pytest.mark.parametrize(
    ("shares", "most"), [(PLAIN, 40), (ROLLING, 50), (STEERED, 50)], ids=["plain", "rolling ramp", "steered ramp"]
)
def test_a_release_without_faults_sends_few_requests(shares, most):
    counts = []
    for seed in SEEDS:
        result = play(seed, forced={**CALM, **shares, "orders / more commands #1": 0}, trace=True)
        steps = steps_of(result, "release orders 0")
        assert result.broken is None, result.broken
        assert steps[-1][1] == "exit 0 done promoted"
        counts.append(sum(not effect.startswith(FREE) for _, effect in steps))

    assert 20 <= max(counts) <= most


@pytest.mark.parametrize("phase", [Phase.WARM, Phase.PROVE, Phase.SMOKE, Phase.CONFIRM, Phase.PROMOTE])
def test_an_abort_without_faults_is_done_in_seconds(phase):
    stream = "orders / more commands 0"
    abort = {
        "orders / more commands #1": 1,
        f"{stream} #1": "abort",
        f"{stream} / starts at a time #1": False,
        f"{stream} / starts in #1": phase,
        f"{stream} / start after #1": 0.05,
    }

    assert longest_abort({**CALM, **PLAIN, **abort}) <= (20.0 if phase is Phase.PROMOTE else 15.0)


@pytest.mark.parametrize("phase", [Phase.SHIFT, Phase.SHARE, Phase.OBSERVE, Phase.CARRY])
def test_an_abort_under_a_share_is_done_in_seconds(phase):
    stream = "orders / ramp commands"
    abort = {
        "orders / more commands #1": 0,
        f"{stream} #1": 1,
        f"{stream} 0 #1": "abort",
        f"{stream} 0 / starts in #1": phase,
        f"{stream} 0 / start after #1": 0.05,
    }

    # Each replica is sent as many unmarked requests as show that the share is gone, each as slow as the seed says.
    assert longest_abort({**CALM, **STEERED, **abort}) <= 45.0


def longest_abort(forced):
    """Seconds that the abort of the slowest seed takes; every one of them does abort the release."""
    took = []
    for seed in SEEDS:
        result = play(seed, forced=forced, trace=True)
        steps = steps_of(result, "abort orders 1")
        assert result.broken is None, result.broken
        assert steps[-1][1] == "exit 0 done aborted"
        took.append(steps[-1][0] - steps[0][0])
    return max(took)
