"""People and controllers who write the same objects: with compare-and-swap, blindly, or again and again."""

from collections.abc import Callable

from gatewayctl.domain.errors import StaleWrite
from gatewayctl.domain.platform import VersionedFiles
from gatewayctl.domain.routing import Files, SourceFile
from tests.fakes.memory import MemoryRouteStore, MemoryWorkloadWriter
from tests.simulation.faults import Kind
from tests.simulation.process import Process

Behaviour = Callable[[Process], None]


def edit_routes(edits: int) -> Behaviour:
    """A person who adds and removes lines of the team, and starts again when somebody else wrote meanwhile."""

    def act(process: Process) -> None:
        mine: list[str] = []
        for number in range(edits):
            process.sleep(process.seconds("before an edit", 8.0))
            if mine and process.draws.chance(f"{process.name} / removes a line", 0.4):
                gone = mine.pop()
                _edit(process, lambda files, line=gone: _edit_lines(files, lambda lines: _drop(lines, line)))
            else:
                mine.append(f"/p{process.pid}-{number} -> static\n")
                place = process.draws.number(f"{process.name} / place of a line")
                _edit(process, lambda files, at=place: _edit_lines(files, lambda lines: _add(lines, mine[-1], at)))

    return act


def _edit(process: Process, edit: Callable[[Files], Files]) -> None:
    store = MemoryRouteStore(process.world)
    while True:
        stored = process.call("look at routes", store.read, Kind.READ)
        process.sleep(process.seconds("typing", 1.0))
        try:
            _write(process, "edit routes", store, edit(stored.files), stored)
        except StaleWrite:
            process.state.tally.add("edits started over by a person")
            continue
        return


def overwrite_blindly(process: Process) -> None:
    """A person who overwrites the files with a text read earlier, without looking at what is there now."""
    store = MemoryRouteStore(process.world)
    stored = process.call("look at routes", store.read, Kind.READ)
    process.sleep(process.seconds("typing", 15.0))
    text = _edit_lines(stored.files, lambda lines: _add(lines, f"/b{process.pid} -> static\n", 1.0))
    _write(process, "overwrite routes", store, text, None)


def revert_routes(times: int) -> Behaviour:
    """A controller that restores the files as they were at the beginning."""

    def act(process: Process) -> None:
        base = process.world.published[0][1]
        store = MemoryRouteStore(process.world)
        for _ in range(times):
            process.sleep(process.seconds("before it reverts", 10.0))
            if process.world.published[-1][1] != base:
                _write(process, "revert routes", store, base, None)

    return act


def revert_canary(app: str, times: int) -> Behaviour:
    """A controller that puts the canary's Deployment back to 0."""

    def act(process: Process) -> None:
        for _ in range(times):
            process.sleep(process.seconds("before it reverts", 10.0))
            _give(process, f"{app}-canary", f"shop/{app}:1.0", 0)

    return act


def give_stable(app: str, image: str) -> Behaviour:
    """Someone who gives stable an image, a hotfix or the one it had."""

    def act(process: Process) -> None:
        _give(process, app, image, None)

    return act


def _give(process: Process, name: str, image: str, replicas: int | None) -> None:
    world, inner = process.world, MemoryWorkloadWriter(process.world)
    asked = world.deployments[name]
    if asked.image == image and replicas in (None, asked.replicas):
        return

    def run() -> None:
        inner.change(inner.reader.read(name), image=image, replicas=replicas)
        observer = process.state.observer
        process.state.tally.add(f"outsider: gives {'a canary' if name.endswith('-canary') else 'stable'} an image")
        if name.endswith("-canary"):
            observer.foreign.note_canary_write(name.removesuffix("-canary"))
        else:
            observer.foreign.note_stable_image(name, image)

    process.call(f"outsider gives {name} {image} {replicas}", run, Kind.WRITE)


def _write(
    process: Process, effect: str, store: MemoryRouteStore, files: Files, expected: VersionedFiles | None
) -> None:
    def run() -> None:
        before = process.world.published[-1][1]
        written = store.write(files, expected or store.read())
        process.state.observer.foreign.note_route_edit(before, written.files)
        process.state.tally.add(f"outsider: {effect}")

    process.call(effect, run, Kind.WRITE)


def _edit_lines(files: Files, edit: Callable[[list[str]], list[str]]) -> Files:
    """The last file, which has the routes, edited by lines."""
    *others, routes = files
    return (*others, SourceFile(routes.name, "".join(edit(routes.text.splitlines(keepends=True)))))


def _add(lines: list[str], line: str, place: float) -> list[str]:
    at = 1 + int(place * (len(lines) - 1))
    return [*lines[:at], line, *lines[at:]]


def _drop(lines: list[str], line: str) -> list[str]:
    return [one for one in lines if one != line]
