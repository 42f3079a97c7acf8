"""When something comes in a schedule: at some time, or right when a release enters a phase."""

from gatewayctl.domain.release import Mode, Phase
from tests.simulation.apps import App
from tests.simulation.draws import Draws
from tests.simulation.faults import WorldEvent
from tests.simulation.state import Start

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
_RAMP_COMMANDS = ("pause", "pause", "skip", "skip", "ramp", "resume", "resume", "abort")
_IN_RAMP = (Phase.SHIFT, Phase.SHARE, Phase.OBSERVE, Phase.OBSERVE, Phase.PAUSED, Phase.CARRY, Phase.RETURN)
_OLD_FILES = (WorldEvent.GATE_NEW_STALE, WorldEvent.GATE_RESTARTS_STALE, WorldEvent.GATE_FREEZES)


def draw_ramp_commands(draws: Draws, app: App) -> list[tuple[str, int, Start]]:
    """What people do who watch a ramp: in most schedules while it is in a step, or while it gives the traffic back."""
    found: list[tuple[str, int, Start]] = []
    if app.mode is Mode.STAGED and app.ramp.steps:
        stream = f"ramp {app.name} / start after"
        found.append(("ramp", 0, (app.name, Phase.WAIT, 10.0 + draws.seconds(stream, (10.0,)))))
    for number in range(draws.choice(f"{app.name} / ramp commands", (0, 1, 2, 3))):
        stream = f"{app.name} / ramp commands {number}"
        phase = draws.choice(f"{stream} / starts in", _IN_RAMP)
        start = app.name, phase, draws.seconds(f"{stream} / start after", (0.1, 1.0, 5.0, 20.0))
        found.append((draws.choice(stream, _RAMP_COMMANDS), 0, start))
    return found


def draw_promotion_start(draws: Draws, app: str) -> Start:
    """When a person promotes: some time after the release began to wait for that, or some time anyway."""
    if draws.chance(f"promote {app} / waits for the release", 0.5):
        return app, Phase.WAIT, draws.seconds(f"promote {app} / start after", (20.0,))
    return 30.0 + draws.seconds(f"promote {app} / start", (25.0,))


def draw_start(draws: Draws, stream: str, app: str) -> Start:
    """Some time, or right when a release enters a phase: that is where most of what can go wrong does."""
    if draws.chance(f"{stream} / starts at a time", 0.5):
        return draws.seconds(f"{stream} / start", (10.0, 25.0, 50.0, 100.0))
    phase = draws.choice(f"{stream} / starts in", _MOMENTS)
    return app, phase, draws.seconds(f"{stream} / start after", (0.0, 0.1, 0.5, 2.0, 70.0))


def draw_event_start(draws: Draws, stream: str, event: WorldEvent, app: str) -> Start:
    """As for a command, but a replica with old files is most dangerous when all others have just lost the rule."""
    if event in _OLD_FILES and draws.chance(f"{stream} / starts on the way out", 0.5):
        phase = draws.choice(f"{stream} / starts in", (Phase.CLEAR, Phase.DRAIN, Phase.COOL, Phase.COOL))
        return app, phase, draws.seconds(f"{stream} / start after", (0.1, 0.5, 2.0))
    return draw_start(draws, stream, app)
