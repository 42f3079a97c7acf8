"""People and controllers who write the same objects: with compare-and-swap, blindly, or again and again."""

from collections.abc import Callable

from gatewayctl.domain.errors import StaleWrite
from gatewayctl.domain.platform import VersionedFiles
from gatewayctl.domain.routing import Files, SourceFile
from tests.fakes.memory import MemoryRouteStore, MemoryWorkloadWriter
from tests.simulation.faults import Kind
from tests.simulation.process import Process

Act = Callable[[Process], None]


def editor(edits: int) -> Act:
    """A person who adds and removes lines of the team, and starts over when somebody else wrote meanwhile."""

    def act(process: Process) -> None:
        mine: list[str] = []
        for number in range(edits):
            process.sleep(8.0 * process.stage.rng.random())
            if mine and process.stage.rng.random() < 0.4:
                gone = mine.pop()
                _edited(process, lambda files, line=gone: _lines(files, lambda lines: _dropped(lines, line)))
            else:
                mine.append(f"/p{process.pid}-{number} -> static\n")
                place = process.stage.rng.random()
                _edited(process, lambda files, at=place: _lines(files, lambda lines: _added(lines, mine[-1], at)))

    return act


def _edited(process: Process, edit: Callable[[Files], Files]) -> None:
    store = MemoryRouteStore(process.world)
    while True:
        stored = process.call("look at routes", store.read, Kind.READ)
        process.sleep(process.stage.rng.random())
        try:
            _write(process, "edit routes", store, edit(stored.files), stored)
        except StaleWrite:
            process.stage.tally.add("edits started over by a person")
            continue
        return


def blind(process: Process) -> None:
    """A person who writes the whole text that he read a while ago, whatever is there by now."""
    store = MemoryRouteStore(process.world)
    stored = process.call("look at routes", store.read, Kind.READ)
    process.sleep(15.0 * process.stage.rng.random())
    text = _lines(stored.files, lambda lines: _added(lines, f"/b{process.pid} -> static\n", 1.0))
    _write(process, "overwrite routes", store, text, None)


def reverting_routes(times: int) -> Act:
    """A controller that puts back the files that it believes in."""

    def act(process: Process) -> None:
        base = process.world.published[0][1]
        store = MemoryRouteStore(process.world)
        for _ in range(times):
            process.sleep(10.0 * process.stage.rng.random())
            if process.world.published[-1][1] != base:
                _write(process, "revert routes", store, base, None)

    return act


def reverting_canary(app: str, times: int) -> Act:
    """A controller that puts the canary's Deployment back to 0."""

    def act(process: Process) -> None:
        for _ in range(times):
            process.sleep(10.0 * process.stage.rng.random())
            _given(process, f"{app}-canary", f"shop/{app}:1.0", 0)

    return act


def giving_stable(app: str, image: str) -> Act:
    """Someone who gives stable an image, a hotfix or the one it had."""

    def act(process: Process) -> None:
        _given(process, app, image, None)

    return act


def _given(process: Process, name: str, image: str, replicas: int | None) -> None:
    world, inner = process.world, MemoryWorkloadWriter(process.world)
    asked = world.deployments[name]
    if asked.image == image and replicas in (None, asked.replicas):
        return

    def run() -> None:
        inner.change(inner.reader.read(name), image=image, replicas=replicas)
        observer = process.stage.observer
        process.stage.tally.add(f"outsider: gives {'a canary' if name.endswith('-canary') else 'stable'} an image")
        if name.endswith("-canary"):
            observer.canary_rewritten(name.removesuffix("-canary"))
        else:
            observer.stable_given(name, image)

    process.call(f"outsider gives {name} {image} {replicas}", run, Kind.WRITE)


def _write(
    process: Process, effect: str, store: MemoryRouteStore, files: Files, expected: VersionedFiles | None
) -> None:
    def run() -> None:
        before = process.world.published[-1][1]
        written = store.write(files, expected or store.read())
        process.stage.observer.meddled(before, written.files)
        process.stage.tally.add(f"outsider: {effect}")

    process.call(effect, run, Kind.WRITE)


def _lines(files: Files, edit: Callable[[list[str]], list[str]]) -> Files:
    """The last file, which has the routes, edited by lines."""
    *others, routes = files
    return (*others, SourceFile(routes.name, "".join(edit(routes.text.splitlines(keepends=True)))))


def _added(lines: list[str], line: str, place: float) -> list[str]:
    at = 1 + int(place * (len(lines) - 1))
    return [*lines[:at], line, *lines[at:]]


def _dropped(lines: list[str], line: str) -> list[str]:
    return [one for one in lines if one != line]
