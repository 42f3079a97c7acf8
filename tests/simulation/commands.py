"""The commands of gatewayctl, each a process on a machine of its own, and whether their exit codes are the truth."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from greenlet import greenlet

from gatewayctl.cli.show import exit_code
from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import ExitCode, GatewayctlError
from gatewayctl.domain.leftovers import Leftover
from gatewayctl.domain.lifecycle import PauseAsked, PromoteAsked, RampAsked, Resumed, SkipAsked, SmokeAsked
from gatewayctl.domain.release import Outcome, Phase, Release
from gatewayctl.domain.routing import Header
from gatewayctl.orchestration import sweep as sweeping
from gatewayctl.orchestration.context import Ports
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.planning import ReleaseRequest, draft
from gatewayctl.orchestration.prepare import prepare
from gatewayctl.orchestration.steps import PERFORMERS, Performers
from tests.fakes.world import Killed
from tests.simulation.apps import App, target
from tests.simulation.faults import Fault
from tests.simulation.fences import Violation
from tests.simulation.ports import ports_of
from tests.simulation.process import Process
from tests.simulation.state import ScheduleState, Start
from tests.simulation.suites import SimSuites
from tests.simulation.troubles import Trouble
from tests.simulation.world import APPS

# What may rightly keep a process from knowing that it is done.
_CONFUSING = {Fault.STALE, Fault.INTERRUPTED, Fault.INTERRUPTED_AFTER}
STEERING = ("pause", "skip")
_WAITING = (Phase.WAIT, Phase.PAUSED)
Job = Callable[[Driver], Release | None]


@dataclass(frozen=True, slots=True)
class Variant:
    """How the orchestration under test is put together. A mutation has a wrong part somewhere.

    `ports` replaces ports of a process, `performers` the functions for some effects, `look` how `sweep`
    finds leftovers.
    """

    ports: Callable[[Ports, Process], Ports] = lambda ports, _: ports
    driver: type[Driver] = Driver
    performers: Performers = field(default_factory=dict)
    look: Callable[[Ports, AppSpec], Leftover | None] = sweeping.look


@dataclass(frozen=True, slots=True)
class Command:
    """One command on one application, by one process; `code` is its exit code once it has ended."""

    name: str
    app: App
    job: Job


def start_process(
    state: ScheduleState, name: str, cue: Start, act: Callable[[Process], None], *, spared: bool = False
) -> Process:
    """A process that begins to act at `cue`."""
    process = Process(state, name, spared=spared)

    def life() -> None:
        try:
            process.check_alive()
            process.begun = True
            act(process)
        except Killed:
            pass  # a dead process reports nothing
        finally:
            process.over = True

    process.greenlet = greenlet(life)
    state.at(cue, process.greenlet.switch)
    return process


def run(variant: Variant, command: Command) -> Callable[[Process], None]:
    """What a process does that was started with this command."""

    def act(process: Process) -> None:
        process.command = command.name
        wrong = Trouble.ELSEWHERE in process.world.plan.troubles and command.name != "release" and not process.spared
        if wrong and process.draws.chance(f"{process.name} / is about another gateway", 0.3):
            process.elsewhere = "elsewhere"
        process.state.tally.add(f"command: {command.name}")
        driver = _make_driver(variant, process, command.app)
        ended: Release | None = None
        try:
            ended = command.job(driver)
            process.code = _code(command, ended)
        except GatewayctlError as fault:
            process.code = fault.exit_code
            process.trace("", f"error: {fault}")
        except KeyboardInterrupt:
            process.code = ExitCode.PERSON
        process.ended = ended
        process.trace("", f"exit {int(process.code)} {ended.phase if ended else ''} {ended.outcome if ended else ''}")
        process.state.tally.add(f"exit {int(process.code)}")
        refused = process.elsewhere != "" and process.code is ExitCode.CONFLICT
        process.state.tally.add("refused: another gateway", int(refused))
        try:
            _check_exit_code(process, command, ended)
        except Violation as found:
            raise process.state.stop(found) from found

    return act


def release(app: App, number: int) -> Job:
    """Draft, check and drive a new release, as `gatewayctl release` does."""

    def job(driver: Driver) -> Release:
        near = tuple(target(name) for name in APPS if name != app.name)
        request = ReleaseRequest(app.spec, app.image(number), app.mode, "ci", near)
        token = f"r-{driver.holder.pid}"  # draft's own is random, and a seed must always give the same schedule
        drafted = replace(draft(driver.ports, request), id=token, header=Header("x-canary", token))
        return driver.begin(prepare(driver.ports, drafted).release)

    return job


def resume(app: App) -> Job:
    """Take it up where it stood."""
    return lambda driver: driver.send(app.name, Resumed())


def smoke(app: App) -> Job:
    """Run the suites."""
    return lambda driver: driver.send(app.name, SmokeAsked())


def ramp(app: App) -> Job:
    """Begin its ramp, or go on with it."""
    return lambda driver: driver.send(app.name, RampAsked())


def pause(app: App) -> Job:
    """Let the ramp stay at its share."""
    return lambda driver: driver.steer(app.name, PauseAsked())


def skip(app: App) -> Job:
    """This step of the ramp is enough."""
    return lambda driver: driver.steer(app.name, SkipAsked())


def abort(app: App) -> Job:
    """Turn it back."""
    return lambda driver: driver.abort(app.name, "no")


def promote(app: App, state: ScheduleState, *, untested: bool) -> Job:
    """Make the canary stable; `untested` says that the suites ran elsewhere."""

    def job(driver: Driver) -> Release:
        if untested:
            state.observer.untested.add(app.name)
        return driver.send(app.name, PromoteAsked(untested))

    return job


def sweep(variant: Variant, apps: tuple[App, ...], rounds: int) -> Callable[[Process], None]:
    """The behaviour of a process that looks for leftovers of releases every few seconds and removes them."""

    def act(process: Process) -> None:
        for number in range(rounds * len(apps)):
            process.sleep(10.0 / len(apps))
            app = apps[number % len(apps)]
            driver = _make_driver(variant, process, app)
            with contextlib.suppress(GatewayctlError, KeyboardInterrupt):
                found = variant.look(driver.ports, app.spec)
                if found and found.is_ours:
                    process.command = "sweep"
                    process.trace("", f"found: {found.kind} {app.name}")
                    process.state.tally.add(f"swept: {found.kind}")
                    sweeping.clean(driver, app.spec, found)

    return act


def on_call(variant: Variant, app: App, rounds: int) -> Callable[[Process], None]:
    """The behaviour of a person who resumes or aborts a release that no process drives any more."""

    def act(process: Process) -> None:
        for _ in range(rounds):
            process.sleep(3.0)
            driver = _make_driver(variant, process, app)
            with contextlib.suppress(GatewayctlError, KeyboardInterrupt):
                held, record = driver.ports.leases.holder(app.name), driver.ports.journal.load(app.name)
                if record is None or record.release.ended or held or record.release.phase in _WAITING:
                    continue
                process.state.tally.add("taken up by the person on call")
                aborts = process.draws.chance(f"{process.name} / aborts", 0.5)
                process.command = "abort" if aborts else "resume"
                (abort if aborts else resume)(app)(driver)

    return act


def _make_driver(variant: Variant, process: Process, app: App) -> Driver:
    process.app, process.meant = app.name, ""
    process.apps_used.add(app.name)
    ports = ports_of(process, SimSuites(process, app))
    return variant.driver(variant.ports(ports, process), process.holder, {**PERFORMERS, **variant.performers})


def _code(command: Command, ended: Release | None) -> ExitCode:
    if ended is None:
        return ExitCode.DONE
    if command.name in STEERING and not ended.ended:
        return ExitCode.DONE  # what was asked for is journaled; another process may go on with it
    if command.name == "abort" and not ended.stuck:
        return ExitCode.DONE
    return exit_code(ended)


def _check_exit_code(process: Process, command: Command, said: Release | None) -> None:
    """Raises Violation when an exit code is not what the journal says, or a conflict has no other party."""
    if said is not None:
        _check_journal_agrees(process, command, said)
    elif process.completed and not process.faults_met & _CONFUSING:
        raise Violation("exit codes", f"{process.name} completed a release, and ends with exit {process.code:d}")
    elif process.code is ExitCode.ENVIRONMENT and not process.state.observer.judge.reasons.explain(process.app):
        raise Violation("I11", f"{process.name} ends with exit {process.code:d}, and nothing explains that")
    elif process.code is ExitCode.CONFLICT and not _was_disturbed(process):
        raise Violation("exit codes", f"{process.name} speaks of a conflict, and nobody else is there")


def _check_journal_agrees(process: Process, command: Command, said: Release) -> None:
    world, app = process.world, command.app.name
    record = world.records[app].release
    truth = record if record.id == said.id else next(one for one in world.ended[app] if one.id == said.id)
    if said.ended and (truth.phase, truth.outcome) != (said.phase, said.outcome):
        raise Violation("exit codes", f"{process.name} says {said.outcome}, the journal says {truth.outcome}")
    if command.name == "abort":
        fine = said.stuck or (said.ended and said.outcome is not Outcome.PROMOTED)
    elif command.name in STEERING and not said.ended:
        fine = process.code is ExitCode.DONE
    elif process.code is ExitCode.DONE:
        fine = said.phase is Phase.WAIT or (said.ended and said.outcome is Outcome.PROMOTED)
    else:
        fine = bool(said.stuck) or said.phase is Phase.PAUSED or (said.ended and said.outcome is not Outcome.PROMOTED)
    if not fine:
        raise Violation("exit codes", f"{process.name} ends with {process.code}, at {said.phase}, {said.outcome}")


def _was_disturbed(process: Process) -> bool:
    """Whether anyone else worked on the application, it was shown an old version, or has another configuration."""
    if process.elsewhere or Fault.STALE in process.faults_met:
        return True
    others = (one for one in process.state.processes if one is not process and one.begun)
    return any(not one.apps_used or process.app in one.apps_used for one in others)
