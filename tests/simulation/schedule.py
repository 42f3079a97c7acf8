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
from tests.simulation.apps import App, app_of
from tests.simulation.commands import (
    Command,
    Company,
    Job,
    abort,
    on_call,
    promote,
    release,
    resume,
    run,
    smoke,
    spawn,
    sweep,
)
from tests.simulation.faults import Turn, drawn
from tests.simulation.fences import Violation
from tests.simulation.observer import Observer
from tests.simulation.process import Cue, Process, Stage
from tests.simulation.tally import Tally
from tests.simulation.world import APPS, SimWorld

ROUGH = 120.0  # seconds of rough weather
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
HONEST = Company()


@dataclass(frozen=True, slots=True)
class Told:
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


def play(seed: int, company: Company = HONEST, *, trace: bool = False) -> Told:
    """The schedule of this seed, from its beginning to the very end."""
    tally = Tally(steps=[] if trace else None)
    rng = Random(seed)  # noqa: S311 (repeatable is the point)
    weather = drawn(rng)
    world = SimWorld(rng, weather, split=rng.random() < 0.3, telling=rng.random() < 0.7)
    stage = Stage(world, Observer(world, tally), rng, tally)
    world.loop.watch = stage.look
    try:
        _three_acts(stage, company)
    except Killed:
        pass  # the observer stopped everything
    finally:
        _clear_the_stage(stage)
    return Told(seed, stage.broken, tally)


def told(seed: int, company: Company = HONEST) -> str:
    """The schedule once more, step by step."""
    return play(seed, company, trace=True).story


def _three_acts(stage: Stage, company: Company) -> None:
    world, rng = stage.world, stage.rng
    apps = tuple(app_of(rng, name) for name in APPS[: rng.choice((1, 1, 1, 2, 2, 3))])
    for app in apps:
        _hire(stage, company, app)
    _hire_outsiders(stage, apps)
    if rng.random() < 0.3:
        spawn(stage, "sweep", 0.0, sweep(company, apps, 6))
    if world.weather.sleepy or rng.random() < 0.4:
        spawn(stage, "on call", 5.0, on_call(company, apps[0], 20))
    for turn in world.weather.turns:
        app = rng.choice(apps).name
        stage.at(_cue_of(rng, turn, app), lambda turn=turn, app=app: _turn(stage, turn, app))
    world.loop.run(ROUGH)
    _quiet(stage)
    for app in apps:
        _finish(stage, company, app)
    world.loop.run(math.inf)  # who was paused, and what was under way, comes now
    for app in apps:
        _finish(stage, company, app)
    world.loop.at(world.time + _SETTLING, lambda: None)
    world.loop.run(math.inf)
    _the_end(stage, apps)


def _hire(stage: Stage, company: Company, app: App) -> None:
    """A release, and more commands on the same application, from other machines, whenever the seed wants."""
    rng = stage.rng
    jobs: list[tuple[str, Job, Cue]] = [("release", release(app, 1), 2.0 * rng.random())]
    if app.mode is Mode.STAGED:
        jobs.append(("smoke", smoke(app), (app.name, Phase.WAIT, rng.random())))
    if app.mode is not Mode.ON_SUCCESS:
        moment = rng.choice(((app.name, Phase.WAIT, 20.0 * rng.random()), 30.0 + 25.0 * rng.random()))
        jobs.append(("promote", promote(app, stage, untested=rng.random() < 0.1), moment))
    for number in range(rng.choice((0, 0, 1, 1, 2, 4))):
        name = rng.choice(("release", "release", "abort", "abort", "resume", "resume", "promote", "smoke"))
        job = {
            "release": release(app, number + 2),
            "abort": abort(app),
            "resume": resume(app),
            "promote": promote(app, stage, untested=rng.random() < 0.1),
            "smoke": smoke(app),
        }[name]
        jobs.append((name, job, _cue(rng, app.name)))
    for number, (name, job, cue) in enumerate(jobs):
        spawn(stage, f"{name} {app.name} {number}", cue, run(company, Command(name, app, job)))


def _cue(rng: Random, app: str) -> Cue:
    """Some time, or right when a release comes to something: that is where most of what can go wrong does."""
    if rng.random() < 0.5:
        return rng.choice((10.0, 25.0, 50.0, 100.0)) * rng.random()
    return app, rng.choice(_MOMENTS), rng.choice((0.0, 0.1, 0.5, 2.0, 70.0)) * rng.random()


def _cue_of(rng: Random, turn: Turn, app: str) -> Cue:
    """As any other; but who comes with old files is most dangerous when everybody else has just lost the rule."""
    if turn in (Turn.GATE_NEW_STALE, Turn.GATE_RESTARTS_STALE, Turn.GATE_FREEZES) and rng.random() < 0.5:
        return app, rng.choice((Phase.CLEAR, Phase.DRAIN, Phase.COOL)), rng.choice((0.5, 2.0)) * rng.random()
    return _cue(rng, app)


def _hire_outsiders(stage: Stage, apps: tuple[App, ...]) -> None:
    rng, name = stage.rng, apps[0].name
    for number in range(rng.choice((0, 0, 1, 1, 2))):
        spawn(stage, f"editor {number}", 0.0, outsiders.editor(rng.choice((1, 3, 6))), steadfast=True)
    image = rng.choice((f"shop/{name}:1.0", f"shop/{name}:1.0.1"))
    for share, who, act in (
        (0.10, "blind editor", outsiders.blind),
        (0.10, "route controller", outsiders.reverting_routes(3)),
        (0.06, "scale controller", outsiders.reverting_canary(name, 3)),
        (0.15, "hotfix", outsiders.giving_stable(name, image)),
    ):
        if rng.random() < share:
            spawn(stage, who, _cue(rng, name), act, steadfast=True)


def _turn(stage: Stage, turn: Turn, app: str) -> None:
    if stage.world.weather.quiet:  # its cue came long ago
        return
    stage.tally.add(f"turn: {turn}")
    stage.tally.step(stage.world.time, "the world", turn, "")
    if turn is Turn.CANARY_DIES:
        stage.observer.canary_hurt(app)
    stage.world.turn(turn, app)


def _quiet(stage: Stage) -> None:
    """Nothing goes wrong any more; whoever is left is killed, or not."""
    world = stage.world
    world.weather.quiet = True
    stage.observer.cues.clear()
    world.calm()
    kill = stage.rng.random() < 0.7
    for process in stage.processes:
        if (kill or process.steadfast) and not process.over:
            process.dead = True
            stage.tally.add("crashes", int(not process.steadfast))


def _finish(stage: Stage, company: Company, app: App) -> None:
    """If the release is open and nobody is at it, one command completes it."""
    record = stage.world.records.get(app.name)
    if record is None or record.release.ended:
        return
    late = [process for process in stage.processes if not process.begun]
    alone = all(process.over or process.dead or not process.begun for process in stage.processes)
    name = stage.rng.choice(("resume", "abort"))
    last = _command(stage, company, name, app)
    alone &= not any(process.begun for process in late)  # one that was only now hired began meanwhile
    if alone and last.ended is not None and last.ended.phase is Phase.WAIT:
        last = _command(stage, company, stage.rng.choice(("promote", "abort")), app)
        if last.code is ExitCode.USAGE:
            last = _command(stage, company, "abort", app)
    if alone and not stage.world.records[app.name].release.ended:
        raise stage.stop(Violation("I5", f"{last.name} did not complete {app.name}: exit {last.code}"))


def _command(stage: Stage, company: Company, name: str, app: App) -> Process:
    """One command in the quiet world. Only an abort need not wait until a dead process's lease is over."""
    world = stage.world
    jobs = {"resume": resume(app), "abort": abort(app), "promote": promote(app, stage, untested=False)}
    moment = world.time + (0.0 if name == "abort" else TTL + 1.0)
    process = spawn(
        stage, f"last {name} {app.name}", moment, run(company, Command(name, app, jobs[name])), steadfast=True
    )
    while not process.over and not world.loop.halted:
        world.loop.run(world.time + 5.0)
    stage.tally.add(f"last {name}")
    return process


def _the_end(stage: Stage, apps: tuple[App, ...]) -> None:
    """What the journal says ended is how the world is, now that nothing is under way any more."""
    for app in apps:
        record = stage.world.records.get(app.name)
        if record is None:
            continue
        stage.tally.add(f"outcome: {record.release.outcome}")
        stage.tally.add("releases", len(stage.world.ended.get(app.name, ())))
        try:
            if not record.release.ended:
                raise Violation("I5", f"{record.release.id} of {app.name} is still in {record.release.phase}")
            stage.observer.done(record.release)
        except Violation as found:
            raise stage.stop(found) from found


def _clear_the_stage(stage: Stage) -> None:
    """End every process that still waits for something."""
    for process in stage.processes:
        process.dead = True
    for process in stage.processes:
        while process.greenlet:  # true while it is in the middle of something
            process.greenlet.throw(Killed(process.name))
