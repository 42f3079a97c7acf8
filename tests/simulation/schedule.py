"""One schedule of one seed: which process starts when, which faults occur, and how it must end.

It has three parts. First there are faults. Then there are none, and the processes that still run are killed or may
finish. At last one new process per open release sends one `resume` or one `abort`, and that must complete it. Paused
processes wake up after that, and what was true before must still be true at the very end.
"""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from gatewayctl.domain.errors import ExitCode
from gatewayctl.domain.release import Mode, Phase
from tests.fakes.memory import TTL
from tests.fakes.world import Killed
from tests.simulation import conditions, outsiders
from tests.simulation.apps import App, draw_app
from tests.simulation.commands import (
    Command,
    Job,
    Variant,
    abort,
    on_call,
    pause,
    promote,
    ramp,
    release,
    resume,
    run,
    skip,
    smoke,
    start_process,
    sweep,
)
from tests.simulation.draws import Draws
from tests.simulation.faults import WorldEvent, draw_plan
from tests.simulation.fences import Violation
from tests.simulation.observer import Observer
from tests.simulation.process import Process
from tests.simulation.reasons import LASTING
from tests.simulation.starts import draw_event_start, draw_promotion_start, draw_ramp_commands, draw_start
from tests.simulation.state import ScheduleState, Start
from tests.simulation.tally import Tally
from tests.simulation.world import APPS, SimWorld

FAULT_SECONDS = 120.0  # seconds in which there are faults
_SETTLING = 60.0  # seconds after which every replica must have taken every file
_MORE_COMMANDS = ("release", "release", "abort", "abort", "resume", "resume", "promote", "smoke")
CORRECT = Variant()


@dataclass(frozen=True, slots=True)
class ScheduleResult:
    """What became of one schedule. `broken` is None when every invariant held; `forced` are its forced draws."""

    seed: int
    broken: Violation | None
    tally: Tally
    draws: Draws
    forced: Mapping[str, object]

    @property
    def story(self) -> str:
        """Every step, and how to see it again."""
        steps = "\n".join(self.tally.steps or ["(no steps were kept)"])
        verdict = self.broken or "every invariant held"
        forced = "; ".join(f"{name}={value}" for name, value in self.forced.items())
        again = f"make simulate SEED={self.seed} N=1" + (f" FORCE={shlex.quote(forced)}" if forced else "")
        return f"{steps}\nseed {self.seed}: {verdict}\nagain: {again}"


def play(
    seed: int, variant: Variant = CORRECT, *, forced: Mapping[str, object] | None = None, trace: bool = False
) -> ScheduleResult:
    """The schedule of this seed, from its beginning to the very end; `trace` keeps its steps and its draws.

    `forced` maps names of draws to outcomes, see Draws. Raises ForcedDrawError.
    """
    tally = Tally(steps=[] if trace else None)
    draws = Draws(seed, forced, keep=trace)
    plan = draw_plan(draws)
    split, counts_in_flight = draws.chance("gateway / split files", 0.3), draws.chance("gateway / counts requests", 0.7)
    world = SimWorld(draws, plan, split=split, counts_in_flight=counts_in_flight)
    state = ScheduleState(world, Observer(world, tally), draws, tally)
    world.loop.watch = state.look
    for trouble in plan.troubles:
        tally.add(f"trouble: {trouble}")
    try:
        _play_acts(state, variant)
    except Killed:
        pass  # the observer stopped everything
    finally:
        _end_processes(state)
    tally.add("steps", tally.step_count)
    if state.broken is None:
        draws.check_forced()
    return ScheduleResult(seed, state.broken, tally, draws, forced or {})


def write_story(seed: int, variant: Variant = CORRECT) -> str:
    """Every step of the schedule of this seed."""
    return play(seed, variant, trace=True).story


def _play_acts(state: ScheduleState, variant: Variant) -> None:
    world, draws = state.world, state.draws
    dies_in = world.plan.dies_in
    apps = tuple(draw_app(draws, name, dies_in) for name in APPS[: draws.choice("applications", (1, 1, 1, 2, 2, 3))])
    state.observer.judge.reasons.bad = {app.name for app in apps if app.is_bad}
    for app in apps:
        _start_commands(state, variant, app)
    _start_outsiders(state, apps)
    if draws.chance("sweep / is there", 0.3):
        start_process(state, "sweep", 0.0, sweep(variant, apps, 6))
    if draws.chance("on call / is there", 0.4) or world.plan.only_sleeps:
        start_process(state, "on call", 5.0, on_call(variant, apps[0], 20))
    for number, event in enumerate(world.plan.events):
        app = draws.choice(f"event {number} / application", apps).name
        start = draw_event_start(draws, f"event {number}", event, app)
        state.at(start, lambda event=event, app=app: _apply_event(state, event, app))
    for trouble in conditions.TIMED:
        if trouble in world.plan.troubles:
            stream, seconds = f"trouble / {trouble}", conditions.SECONDS[trouble]
            start = draw_start(draws, stream, draws.choice(f"{stream} / application", apps).name)
            length = draws.choice(f"{stream} / seconds", seconds)
            state.at(start, lambda trouble=trouble, length=length: world.conditions.begin(trouble, length))
    world.loop.run(FAULT_SECONDS)
    _end_faults(state)
    for app in apps:
        _complete(state, variant, app)
    world.loop.run(math.inf)  # paused processes wake up, and delayed writes arrive
    for app in apps:
        _complete(state, variant, app)
    world.loop.at(world.time + _SETTLING, lambda: None)
    world.loop.run(math.inf)
    _check_end(state, apps)


def _start_commands(state: ScheduleState, variant: Variant, app: App) -> None:
    """A release, and more commands on the same application, from other machines, whenever the seed wants."""
    draws, name = state.draws, app.name
    commands: list[tuple[str, int, Start]] = [("release", 1, draws.seconds(f"release {name} / start", (2.0,)))]
    if app.mode is Mode.STAGED:
        commands.append(("smoke", 0, (name, Phase.WAIT, draws.number(f"smoke {name} / start"))))
    if app.mode is not Mode.ON_SUCCESS:
        commands.append(("promote", 0, draw_promotion_start(draws, name)))
    for number in range(draws.choice(f"{name} / more commands", (0, 0, 1, 1, 2, 4))):
        stream = f"{name} / more commands {number}"
        commands.append((draws.choice(stream, _MORE_COMMANDS), number + 2, draw_start(draws, stream, name)))
    if app.trial_has_shares:
        commands += draw_ramp_commands(draws, app)
    for number, (command, image, start) in enumerate(commands):
        process = f"{command} {name} {number}"
        job = _job_of(state, app, command, image, process)
        start_process(state, process, start, run(variant, Command(command, app, job)))


def _job_of(state: ScheduleState, app: App, command: str, image: int, process: str) -> Job:
    match command:
        case "release":
            return release(app, image)
        case "promote":
            return promote(app, state, untested=state.draws.chance(f"{process} / without suites", 0.1))
        case _:
            return {"abort": abort, "resume": resume, "smoke": smoke, "ramp": ramp, "pause": pause, "skip": skip}[
                command
            ](app)


def _start_outsiders(state: ScheduleState, apps: tuple[App, ...]) -> None:
    draws, name = state.draws, apps[0].name
    for number in range(draws.choice("editors", (0, 0, 1, 1, 2))):
        edits = draws.choice(f"editor {number} / edits", (1, 3, 6))
        start_process(state, f"editor {number}", 0.0, outsiders.edit_routes(edits), spared=True)
    image = draws.choice("hotfix / image", (f"shop/{name}:1.0", f"shop/{name}:1.0.1"))
    for share, who, act in (
        (0.10, "blind editor", outsiders.overwrite_blindly),
        (0.10, "route controller", outsiders.revert_routes(3)),
        (0.06, "scale controller", outsiders.revert_canary(name, 3)),
        (0.15, "hotfix", outsiders.give_stable(name, image)),
    ):
        if draws.chance(f"{who} / is there", share):
            start_process(state, who, draw_start(draws, who, name), act, spared=True)


def _apply_event(state: ScheduleState, turn: WorldEvent, app: str) -> None:
    if state.world.plan.quiet:  # it would come after the time of faults
        return
    state.tally.add(f"turn: {turn}")
    state.observer.judge.note_event(LASTING, app if turn is WorldEvent.STABLE_DIES else "")
    state.tally.step(state.world.time, "the world", turn, "")
    if turn is WorldEvent.CANARY_DIES:
        state.observer.foreign.note_canary_loss(app)
    state.world.apply_event(turn, app)


def _end_faults(state: ScheduleState) -> None:
    """From now on there are no faults; the processes that still run are killed, or not."""
    world = state.world
    world.plan.quiet = True
    state.observer.starts.clear()
    world.end_faults()
    kill = state.draws.chance("the end of the faults / kills", 0.7)
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
    name = state.draws.choice(f"last command for {app.name}", ("resume", "abort"))
    last = _command(state, variant, name, app)
    alone &= not any(process.begun for process in late)  # another one began meanwhile
    if alone and last.ended is not None and last.ended.phase is Phase.WAIT:
        last = _command(state, variant, state.draws.choice(f"decision for {app.name}", ("promote", "abort")), app)
        if last.code is ExitCode.USAGE:
            last = _command(state, variant, "abort", app)
    elif alone and last.ended is not None and last.ended.phase is Phase.PAUSED:
        last = _command(state, variant, "abort", app)
    if alone and not state.world.records[app.name].release.ended:
        raise state.stop(Violation("I5", f"{last.name} did not complete {app.name}: exit {last.code}"))


def _command(state: ScheduleState, variant: Variant, name: str, app: App) -> Process:
    """One command without faults. Only an abort need not wait until a dead process's lease is over."""
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
