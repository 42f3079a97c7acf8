"""What a phase will do, as one line of a plan. The table in phases.py says which line belongs to which phase."""

import shlex
from collections.abc import Callable

from gatewayctl.domain.ramp import Promotion, Step
from gatewayctl.domain.release import Mode, Release

PlanLine = Callable[[Release, int], str]
"""The line, from the release and the number of the gateway's files; empty where the release has no such step."""


def duration(seconds: float) -> str:
    """A time for a person: 90 s, 5 min, 1 h."""
    for size, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {name}"
    return f"{seconds:g} s"


def no_line(_release: Release, _files: int) -> str:
    """No line: another phase's line says it too, or a release that succeeds does not come here."""
    return ""


def start_canary(release: Release, _files: int) -> str:
    """The canary gets the new image and one replica."""
    return f"start {release.target.canary} with {release.image}, replicas 0 → 1"


def route(release: Release, files: int) -> str:
    """The rule is written."""
    count = f"{files} file{'s' if files != 1 else ''}"
    canary = release.target.canary_uri or release.target.canary_service
    return f"route requests with {release.header} to {canary} ({count})"


def prove(_release: Release, _files: int) -> str:
    """Both proofs."""
    return "prove it on every gateway replica, and that nothing else reaches the canary"


def run_suite(release: Release, _files: int) -> str:
    """The functional suite."""
    suite = release.trial.suite
    if suite is None:
        return ""
    words = shlex.join([suite.path, *suite.args])
    return f"run pytest {words} through the gateway{f' with {suite.python}' if suite.python else ''}"


def run_load(release: Release, _files: int) -> str:
    """The load."""
    load = release.trial.load
    return f"run locust {load.file}: {load.users} users for {load.duration:g} s on both versions" if load else ""


def ramp(release: Release, _files: int) -> str:
    """The steps of the ramp."""
    ramp = release.trial.ramp
    if not ramp.steps:
        return ""
    judged = "each step judged" if ramp.judging else "not judged"
    return f"send real traffic to the canary, {judged}: {', '.join(map(_step, ramp.steps))}"


def _step(step: Step) -> str:
    pods = f" with {step.replicas} Pod{'s' if step.replicas != 1 else ''}" if step.replicas else ""
    return f"{step.share} %{pods} for {duration(step.seconds)}"


def carry(release: Release, _files: int) -> str:
    """The canary takes all traffic while stable rolls."""
    if release.trial.promotion is not Promotion.STEERED:
        return ""
    return f"scale {release.target.canary} to the size of stable, and give it all traffic until stable runs the image"


def wait(release: Release, _files: int) -> str:
    """The command that the release waits for, unless it promotes by itself."""
    return "" if release.mode is Mode.ON_SUCCESS else f"wait for: gatewayctl promote {release.app}"


def promote(release: Release, _files: int) -> str:
    """Stable gets the image."""
    return f"give {release.target.stable} the image {release.image}"


def unroute(release: Release, _files: int) -> str:
    """What becomes of the rule."""
    if release.standing:
        return "keep the standing rule"
    return "take the rule away, and prove it gone from every replica"


def stop_canary(release: Release, _files: int) -> str:
    """The last thing that is done."""
    return f"let requests in flight end, and scale {release.target.canary} to 0"
