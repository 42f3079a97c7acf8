"""A rule that somebody puts back while the canary of a promoted release is about to stop."""

from tests.fakes.shop import AskingSuites, a_pilot, a_release
from tests.fakes.world import World


def test_the_canary_stops_only_when_no_replica_can_still_take_a_rule_that_was_put_back():
    world = World()
    suites = AskingSuites(world, [])
    release = a_release(world, suites)
    burn, removed, stopped = world.burn, [], []

    def burning(what: str) -> None:
        if what == "before journal cool":
            with_rule = next(files for _, files in reversed(world.published) if "gatewayctl" in files[0].text)
            world.published.append((world.time, with_rule))  # a person writes what he read a while ago
            world.store_version += 1
        if what == "before write routes.txt":
            removed.append(world.time)
        if what.endswith("0") and what.startswith("before change orders-canary"):
            stopped.append(world.time)
        burn(what)

    world.burn = burning  # type: ignore[method-assign]
    a_pilot(world, suites).begin(release)

    assert len(removed) == 3  # published, removed, and removed once more
    assert stopped[0] - removed[-1] >= 1.0
