"""One seed, one schedule: who acts when, what goes wrong, and how it must end.

Three acts. In rough weather everything happens at once. Then the world is quiet, and whoever is left is either killed
or may finish. At last one fresh process per open release sends one `resume` or one `abort`, and that must be enough.
Those who were paused wake up after that, too; what is true at the very end must still be true then.
"""

import math
from dataclasses import dataclass
from random import Random

from gatewayctl.domain.errors import ExitCode
from gatewayctl.domain.release import Mode, Phase
from tests.fakes.memory import TTL
from tests.fakes.world import Killed
from tests.simulation import outsiders
from tests.simulation.apps import App, draw_app
from tests.simulation.commands import (
    Command,
    Job,
    Variant,
    abort,
    on_call,
    promote,
    release,
    resume,
    run,
    smoke,
    start_process,
    sweep,
)
from tests.simulation.faults import WorldEvent, draw_plan
from tests.simulation.fences import Violation
from tests.simulation.observer import Observer
from tests.simulation.process import Process, ScheduleState, Start
from tests.simulation.tally import Tally
from tests.simulation.world import APPS, SimWorld

FAULT_SECONDS = 120.0  # seconds of rough weather
_SETTLING = 60.0  # seconds after which every replica must have taken every file
# Where what comes meets a write that is under way, or a proof that was just made.
_MOMENTS = (
    *(
        Phase.WARM,
        Phase.ROUTE,
        Phase.PROVE,
        Phase.LEAKS,
        Phase.SMOKE,
        Phase.WAIT,
        Phase.CONFIRM,
        Phase.PROMOTE,
        Phase.PROMOTE,
    ),
    *(Phase.RESTORE, Phase.UNROUTE, Phase.CLEAR, Phase.DRAIN, Phase.COOL, Phase.DONE),
)
CORRECT = Variant()


@dataclass(frozen=True, slots=True)
class ScheduleResult:
    """What became of one schedule. `broken` is None when every invariant held."""

    seed: int
    broken: Violation | None
    tally: Tally

    @property
    def story(self) -> str:
        """Every step, and how to see it again."""
        steps = "\n".join(self.tally.steps or ["(no steps were kept)"])
        verdict = self.broken or "every invariant held"
        return f"{steps}\nseed {self.seed}: {verdict}\nagain: make simulate SEED={self.seed} N=1"


def play(seed: int, variant: Variant = CORRECT, *, trace: bool = False) -> ScheduleResult:
    """The schedule of this seed, from its beginning to the very end."""
    tally = Tally(steps=[] if trace else None)
    rng = Random(seed)  # noqa: S311 (repeatable is the point)
    plan = draw_plan(rng)
    world = SimWorld(rng, plan, split=rng.random() < 0.3, counts_in_flight=rng.random() < 0.7)
    state = ScheduleState(world, Observer(world, tally), rng, tally)
    world.loop.watch = state.look
    try:
        _play_acts(state, variant)
    except Killed:
        pass  # the observer stopped everything
    finally:
        _end_processes(state)
    return ScheduleResult(seed, state.broken, tally)


def write_story(seed: int, variant: Variant = CORRECT) -> str:
    """The schedule once more, step by step."""
    return play(seed, variant, trace=True).story


def _play_acts(state: ScheduleState, variant: Variant) -> None:
    world, rng = state.world, state.rng
    apps = tuple(draw_app(rng, name) for name in APPS[: rng.choice((1, 1, 1, 2, 2, 3))])
    for app in apps:
        _start_commands(state, variant, app)
    _start_outsiders(state, apps)
    if rng.random() < 0.3:
        start_process(state, "sweep", 0.0, sweep(variant, apps, 6))
    if world.plan.only_sleeps or rng.random() < 0.4:
        start_process(state, "on call", 5.0, on_call(variant, apps[0], 20))
    for turn in world.plan.events:
        app = rng.choice(apps).name
        state.at(_cue_of(rng, turn, app), lambda turn=turn, app=app: _apply_event(state, turn, app))
    world.loop.run(FAULT_SECONDS)
    _end_faults(state)
    for app in apps:
        _complete(state, variant, app)
    world.loop.run(math.inf)  # who was paused, and what was under way, comes now
    for app in apps:
        _complete(state, variant, app)
    world.loop.at(world.time + _SETTLING, lambda: None)
    world.loop.run(math.inf)
    _check_end(state, apps)


def _start_commands(state: ScheduleState, variant: Variant, app: App) -> None:
    """A release, and more commands on the same application, from other machines, whenever the seed wants."""
    rng = state.rng
    jobs: list[tuple[str, Job, Start]] = [("release", release(app, 1), 2.0 * rng.random())]
    if app.mode is Mode.STAGED:
        jobs.append(("smoke", smoke(app), (app.name, Phase.WAIT, rng.random())))
    if app.mode is not Mode.ON_SUCCESS:
        moment = rng.choice(((app.name, Phase.WAIT, 20.0 * rng.random()), 30.0 + 25.0 * rng.random()))
        jobs.append(("promote", promote(app, state, untested=rng.random() < 0.1), moment))
    for number in range(rng.choice((0, 0, 1, 1, 2, 4))):
        name = rng.choice(("release", "release", "abort", "abort", "resume", "resume", "promote", "smoke"))
        job = {
            "release": release(app, number + 2),
            "abort": abort(app),
            "resume": resume(app),
            "promote": promote(app, state, untested=rng.random() < 0.1),
            "smoke": smoke(app),
        }[name]
        jobs.append((name, job, _cue(rng, app.name)))
    for number, (name, job, cue) in enumerate(jobs):
        start_process(state, f"{name} {app.name} {number}", cue, run(variant, Command(name, app, job)))


def _cue(rng: Random, app: str) -> Start:
    """Some time, or right when a release comes to something: that is where most of what can go wrong does."""
    if rng.random() < 0.5:
        return rng.choice((10.0, 25.0, 50.0, 100.0)) * rng.random()
    return app, rng.choice(_MOMENTS), rng.choice((0.0, 0.1, 0.5, 2.0, 70.0)) * rng.random()


def _cue_of(rng: Random, turn: WorldEvent, app: str) -> Start:
    """As any other; but who comes with old files is most dangerous when everybody else has just lost the rule."""
    if (
        turn in (WorldEvent.GATE_NEW_STALE, WorldEvent.GATE_RESTARTS_STALE, WorldEvent.GATE_FREEZES)
        and rng.random() < 0.5
    ):
        return app, rng.choice((Phase.CLEAR, Phase.DRAIN, Phase.COOL)), rng.choice((0.5, 2.0)) * rng.random()
    return _cue(rng, app)


def _start_outsiders(state: ScheduleState, apps: tuple[App, ...]) -> None:
    rng, name = state.rng, apps[0].name
    for number in range(rng.choice((0, 0, 1, 1, 2))):
        start_process(state, f"editor {number}", 0.0, outsiders.edit_routes(rng.choice((1, 3, 6))), spared=True)
    image = rng.choice((f"shop/{name}:1.0", f"shop/{name}:1.0.1"))
    for share, who, act in (
        (0.10, "blind editor", outsiders.overwrite_blindly),
        (0.10, "route controller", outsiders.revert_routes(3)),
        (0.06, "scale controller", outsiders.revert_canary(name, 3)),
        (0.15, "hotfix", outsiders.give_stable(name, image)),
    ):
        if rng.random() < share:
            start_process(state, who, _cue(rng, name), act, spared=True)


def _apply_event(state: ScheduleState, turn: WorldEvent, app: str) -> None:
    if state.world.plan.quiet:  # its cue came long ago
        return
    state.tally.add(f"turn: {turn}")
    state.tally.step(state.world.time, "the world", turn, "")
    if turn is WorldEvent.CANARY_DIES:
        state.observer.note_canary_loss(app)
    state.world.apply_event(turn, app)


def _end_faults(state: ScheduleState) -> None:
    """Nothing goes wrong any more; whoever is left is killed, or not."""
    world = state.world
    world.plan.quiet = True
    state.observer.starts.clear()
    world.end_faults()
    kill = state.rng.random() < 0.7
    for process in state.processes:
        if (kill or process.spared) and not process.over:
            process.dead = True
            state.tally.add("crashes", int(not process.spared))


def _complete(state: ScheduleState, variant: Variant, app: App) -> None:
    """If the release is open and nobody is at it, one command completes it."""
    record = state.world.records.get(app.name)
    if record is None or record.release.ended:
        return
    late = [process for process in state.processes if not process.begun]
    alone = all(process.over or process.dead or not process.begun for process in state.processes)
    name = state.rng.choice(("resume", "abort"))
    last = _command(state, variant, name, app)
    alone &= not any(process.begun for process in late)  # one that was only now hired began meanwhile
    if alone and last.ended is not None and last.ended.phase is Phase.WAIT:
        last = _command(state, variant, state.rng.choice(("promote", "abort")), app)
        if last.code is ExitCode.USAGE:
            last = _command(state, variant, "abort", app)
    if alone and not state.world.records[app.name].release.ended:
        raise state.stop(Violation("I5", f"{last.name} did not complete {app.name}: exit {last.code}"))


def _command(state: ScheduleState, variant: Variant, name: str, app: App) -> Process:
    """One command in the quiet world. Only an abort need not wait until a dead process's lease is over."""
    world = state.world
    jobs = {"resume": resume(app), "abort": abort(app), "promote": promote(app, state, untested=False)}
    moment = world.time + (0.0 if name == "abort" else TTL + 1.0)
    process = start_process(
        state, f"last {name} {app.name}", moment, run(variant, Command(name, app, jobs[name])), spared=True
    )
    while not process.over and not world.loop.halted:
        world.loop.run(world.time + 5.0)
    state.tally.add(f"last {name}")
    return process


def _check_end(state: ScheduleState, apps: tuple[App, ...]) -> None:
    """What the journal says ended is how the world is, now that nothing is under way any more."""
    for app in apps:
        record = state.world.records.get(app.name)
        if record is None:
            continue
        state.tally.add(f"outcome: {record.release.outcome}")
        state.tally.add("releases", len(state.world.ended.get(app.name, ())))
        try:
            if not record.release.ended:
                raise Violation("I5", f"{record.release.id} of {app.name} is still in {record.release.phase}")
            state.observer.check_outcome(record.release)
        except Violation as found:
            raise state.stop(found) from found


def _end_processes(state: ScheduleState) -> None:
    """End every process that still waits for something."""
    for process in state.processes:
        process.dead = True
    for process in state.processes:
        while process.greenlet:  # true while it is in the middle of something
            process.greenlet.throw(Killed(process.name))
