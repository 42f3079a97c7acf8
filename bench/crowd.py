"""Many releases at once on one gateway, which they all edit the one file of; beside the same Pods without a gateway.

Each is a thread of this process with clients, journal and lease of its own, as the command makes them: fifty processes
would measure how fast this machine starts Python. Most of the time goes by in starting the Pods of each release, on
few cores longer for fifty than for one. So the floor is measured in turns with the releases: the same Deployments
rolled in the same order, with nobody who edits, proves or judges anything.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from statistics import median

from bench.figures import Figure, Target, figure
from bench.measuring import Broken, progress
from bench.release import PODS, per_phase
from bench.rolling import rolled
from bench.size import Size
from bench.street import Street, street
from gatewayctl.domain.errors import StaleWrite
from gatewayctl.domain.platform import VersionedFiles
from gatewayctl.domain.release import Mode, Outcome, Release
from gatewayctl.domain.routing import Files
from gatewayctl.orchestration.context import Ports
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.prepare import prepare
from gatewayctl.ports import RouteStore
from gatewayctl.wiring.discovery import Session, current_holder, wire

_ALONE = "one alone"
_FLOOR = "the same Pods, no gateway"


class Silent:
    """ports.ProgressListener for nobody."""

    def started(self, step: str) -> None:
        """Nothing."""

    def progress(self, step: str, text: str) -> None:
        """Nothing."""

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        """Nothing."""


@dataclass(slots=True)
class Tallied:
    """ports.RouteStore that counts the writes which lost their compare-and-swap."""

    store: RouteStore
    lost: int = 0

    @property
    def watch_delay(self) -> float:
        """As the store."""
        return self.store.watch_delay

    def read(self) -> VersionedFiles:
        """As the store."""
        return self.store.read()

    def announce(self) -> None:
        """As the store."""
        self.store.announce()

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """As the store."""
        try:
            return self.store.write(files, expected)
        except StaleWrite:
            self.lost += 1
            raise


@dataclass(slots=True)
class Crowd:
    """Seconds until all had ended, and until the same Pods had been rolled without a gateway, one value per round.

    Per release: seconds, those without Pods, lost writes.
    """

    wall: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    each: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    phases: dict[str, list[float]] = field(default_factory=dict)


def crowd(size: Size) -> Iterator[Figure]:
    """One alone several times, then more and more at once."""
    most = max(count for count, _ in size.crowds)
    with street(most) as built:
        found: dict[int, Crowd] = {}
        for count, rounds in size.crowds:
            found[count] = Crowd()
            for number in range(rounds):
                progress(f"{count} releases at once, round {number + 1} of {rounds}")
                if count > 1:  # one alone is a baseline itself
                    found[count].floor.append(rolled(built, built.apps[:count]))
                _together(built, built.apps[:count], found[count])
    alone = found.pop(min(found))
    for count, one in found.items():
        yield from _figures(count, one, alone)


def _figures(count: int, found: Crowd, alone: Crowd) -> Iterator[Figure]:
    name = f"{count} releases at once"
    target = Target(ratio=2.0) if count == 50 else Target()
    yield replace(figure(f"{name}, all of them", "s", found.wall, (_FLOOR, found.floor)), target=target)
    yield figure(f"{name}, all of them, beside one", "s", found.wall, (_ALONE, alone.wall))
    yield figure(f"{name}, each", "s", found.each, (_ALONE, alone.each))
    own = figure(f"{name}, each, without waiting for Pods", "s", found.own, (_ALONE, alone.own))
    yield replace(own, note=f"{per_phase(found.phases)}; the rest is the preflight")
    lost = figure(f"{name}, conflicts retried by each", "writes", found.lost, (_ALONE, alone.lost))
    yield replace(lost, note=f"{sum(found.lost):.0f} in all; each read the file again and wrote to what it found")


def _together(built: Street, apps: tuple[str, ...], found: Crowd) -> None:
    """One round. Raises Broken unless all were promoted and the file is as before."""
    before, images = built.routes(), {app: built.other_image(app) for app in apps}
    sessions = {app: wire(built.config(app), Silent()) for app in apps}

    def one(app: str) -> tuple[Release, float, int]:
        gate = Tallied(sessions[app].ports.gateway.store)
        start = time.perf_counter()
        ended = _released(sessions[app], gate, app, images[app])
        return ended, time.perf_counter() - start, gate.lost

    start = time.perf_counter()
    with ThreadPoolExecutor(len(apps)) as pool:
        results = list(pool.map(one, apps))
    found.wall.append(time.perf_counter() - start)
    for ended, seconds, lost in results:
        if ended.outcome is not Outcome.PROMOTED or not ended.ended:
            raise Broken(f"{ended.app} was not promoted: {ended.outcome} {ended.reason} {ended.stuck}")
        found.each.append(seconds)
        found.own.append(seconds - sum(note.seconds for note in ended.notes if note.phase.value in PODS))
        found.lost.append(lost)
        for note in ended.notes:
            found.phases.setdefault(note.phase.value, []).append(note.seconds)
    if built.routes() != before:
        raise Broken("the routes are not byte for byte as before")
    beside = f", {found.wall[-1] / found.floor[-1]:.2f} x the floor" if found.floor else ""
    progress(f"all of them after {found.wall[-1]:.1f} s{beside}; each {median(found.each[-len(apps) :]):.1f} s")


def _released(session: Session, gate: Tallied, app: str, image: str) -> Release:
    """What `gatewayctl release APP --promote on-success` does."""
    ports: Ports = replace(session.ports, gateway=replace(session.ports.gateway, store=gate))
    made = prepare(ports, session.draft(app, image, Mode.ON_SUCCESS))
    return Driver(ports, current_holder()).begin(made.release)
