"""Builders for tests in which somebody else acts while a release goes on."""

from dataclasses import replace

from gatewayctl.domain.release import Mode
from tests.fakes.shop import ORDERS, AskingSuites, a_release
from tests.fakes.world import World


def a_started(mode: Mode = Mode.MANUAL, **spec: object):
    world = World()
    suites = AskingSuites(world, [])
    release = a_release(world, suites, replace(ORDERS, **spec), mode)
    return world, suites, release


def at(world: World, seconds: float, act) -> None:
    """Let somebody else act once, at that time."""
    original, done = world.look, []

    def look() -> None:
        original()
        if not done and world.time >= seconds:
            done.append(True)
            act()

    world.look = look  # type: ignore[method-assign]


def when(world: World, line: str, act) -> None:
    """Let somebody else act once, right where the process writes that line of its log."""
    burn, done = world.burn, []

    def burning(what: str) -> None:
        if what.startswith(line) and not done:
            done.append(what)
            act()
        burn(what)

    world.burn = burning  # type: ignore[method-assign]
