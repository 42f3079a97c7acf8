"""A canary that registers itself: nobody is sent to its name before the registry has it, and never to stable's name."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gatewayctl.domain.errors import Conflict, DeadlineExceeded, EnvironmentFailed, ExitCode, Transient, UsageFault
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.platform import Check, Holder
from gatewayctl.domain.registration import Registered, of_instances
from gatewayctl.domain.release import Outcome, Phase, Release
from gatewayctl.domain.routing import Files, RouteView
from gatewayctl.orchestration.context import Fence, Ports, StepContext
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.preflight import preflight
from gatewayctl.orchestration.registration import CHECK, wait_for_registration
from gatewayctl.orchestration.routes import publish
from gatewayctl.ports import Registry
from tests.fakes.shop import ORDERS, AskingSuites, a_release, ports
from tests.fakes.toy import ToyDialect
from tests.fakes.world import ROUTES, Deployment, Pod, World

STABLE = of_instances(("10.0.0.5:8080", "10.0.0.6:8080"))
SELF_REGISTERED = replace(ORDERS.target, canary_uri="lb://orders-canary")


class LookingUp(ToyDialect):
    """A dialect whose gateway looks every target up in a registry."""

    limits = replace(ToyDialect.limits, by_uri=True)

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        return tuple(replace(route, looked_up=True) for route in super().routes(files))


class MemoryRegistry:
    """What is registered at present; a fault is raised in its place."""

    def __init__(self, **names: Registered | EnvironmentFailed) -> None:
        self.names = names

    def look_up(self, name: str) -> Registered:
        found = self.names.get(name.replace("-", "_"), of_instances(()))
        if isinstance(found, EnvironmentFailed):
            raise found
        return found


def wired(world: World, registry: Registry | None, *, by_name: bool = True) -> tuple[Ports, Release]:
    """Ports and a release of an application whose canary registers itself; `by_name`: stable does so, too."""
    suites = AskingSuites(world, [])
    given = ports(world, suites)
    dialect = LookingUp() if by_name else ToyDialect()
    release = replace(a_release(world, suites), target=SELF_REGISTERED)
    return replace(given, gateway=replace(given.gateway, registry=registry, dialect=dialect)), release


def a_running_canary(world: World) -> None:
    world.deployments["orders-canary"] = Deployment(
        "shop/orders:1.1", 1, pods=[Pod("orders-canary-00001", "shop/orders:1.1", -9.0)]
    )


def a_step(world: World, registry: Registry | None, tick: Callable[[str], None] = lambda _: None) -> StepContext:
    a_running_canary(world)
    given, release = wired(world, registry)
    return StepContext(given, release, Fence(lambda: None, lambda: None), tick)


def check_of(world: World, registry: Registry | None, *, by_name: bool = True) -> list[Check]:
    return [check for check in preflight(*wired(world, registry, by_name=by_name)) if check.name == CHECK]


def test_before_a_release_the_registry_must_know_stable() -> None:
    (check,) = check_of(World(), MemoryRegistry(orders=STABLE).look_up)

    assert (check.fault, check.detail) == (None, "knows orders: 2 instances: 10.0.0.5:8080, 10.0.0.6:8080")


def test_a_registry_that_does_not_know_stable_is_the_wrong_one() -> None:
    (check,) = check_of(World(), MemoryRegistry().look_up)

    assert isinstance(check.fault, UsageFault)
    assert str(check.fault) == "the registry does not know stable as orders: no instance"
    assert "namespace" in check.fault.hint


def test_a_stable_that_is_sent_to_by_its_address_need_not_be_registered() -> None:
    (check,) = check_of(World(), MemoryRegistry().look_up, by_name=False)

    assert (check.fault, check.detail) == (None, "answers: orders-canary: no instance")


def test_a_registry_that_does_not_answer_refuses_a_release() -> None:
    (check,) = check_of(World(), MemoryRegistry(orders=Transient("it is away")).look_up)

    assert check.fault is not None
    assert (check.fault.exit_code, str(check.fault)) == (ExitCode.ENVIRONMENT, "it is away")


def test_a_name_that_somebody_has_while_the_canary_does_not_run_is_refused() -> None:
    registry = MemoryRegistry(orders=STABLE, orders_canary=of_instances(("10.0.0.9:8080",)))

    (check,) = check_of(World(), registry.look_up)

    assert isinstance(check.fault, Conflict)
    assert "has orders-canary already: 1 instance: 10.0.0.9:8080" in str(check.fault)


def test_without_a_registry_to_ask_a_warning_says_that_nobody_checks() -> None:
    (check,) = check_of(World(), None)

    assert (check.fault, check.detail) == (None, "nobody checks whether the canary registers as orders-canary")
    assert "gateway.registry" in check.hint


def test_an_application_whose_canary_has_an_address_asks_no_registry() -> None:
    world, suites = World(), AskingSuites(World(), [])
    given = ports(world, suites)
    registry = MemoryRegistry(orders=EnvironmentFailed("nobody may ask")).look_up
    given = replace(given, gateway=replace(given.gateway, registry=registry))

    assert [check.name for check in preflight(given, a_release(world, suites)) if check.name == CHECK] == []


def test_the_rule_is_published_only_once_the_canary_has_registered() -> None:
    world, registry = World(), MemoryRegistry(orders=STABLE)
    seen: list[str] = []

    def tick(text: str) -> None:
        seen.append(text)
        assert not any("write" in line for line in world.log)
        if world.time > 3.0:
            registry.names["orders_canary"] = of_instances(("10.0.0.7:8080",))

    context = a_step(world, registry.look_up, tick)
    judgement = publish(context)

    assert judgement.verdict is Verdict.PASS
    assert "orders-canary: no instance" in seen
    assert world.time > 3.0
    assert any("write routes.txt" in line for line in world.log)


def test_a_canary_that_does_not_register_in_time_is_said_with_what_to_set_and_nothing_is_written() -> None:
    world = World()
    context = a_step(world, MemoryRegistry(orders=STABLE).look_up)

    with pytest.raises(DeadlineExceeded, match="the canary to register as orders-canary") as caught:
        publish(context)

    assert caught.value.exit_code is ExitCode.ENVIRONMENT
    assert caught.value.detail == "orders-canary: no instance"
    assert "spring.application.name must be orders-canary" in caught.value.hint
    assert not any("write" in line for line in world.log)


def test_a_canary_that_registers_as_stable_is_told_as_the_likely_reason() -> None:
    three = of_instances((*STABLE.instances, "10.0.0.7:8080"))
    context = a_step(World(), MemoryRegistry(orders=three).look_up)

    with pytest.raises(DeadlineExceeded) as caught:
        wait_for_registration(context)

    assert caught.value.detail.endswith("; orders has 3 instances and 2 Pods: the canary may have registered as orders")


def test_an_instance_under_both_names_rejects_the_canary() -> None:
    both = of_instances((*STABLE.instances, "10.0.0.7:8080"))
    registry = MemoryRegistry(orders=both, orders_canary=of_instances(("10.0.0.7:8080",)))
    world = World()

    judgement = publish(a_step(world, registry.look_up))

    assert (judgement.verdict, judgement.text) == (
        Verdict.FAIL,
        "10.0.0.7:8080 is registered as orders-canary and as orders, so requests without the header reach it",
    )
    assert not any("write" in line for line in world.log)


def test_a_registry_that_is_away_for_a_moment_costs_time_only() -> None:
    world = World()
    registry = MemoryRegistry(orders=STABLE, orders_canary=Transient("it is away"))

    def tick(_: str) -> None:
        if world.time > 4.0:
            registry.names["orders_canary"] = of_instances(("10.0.0.7:8080",))

    assert wait_for_registration(a_step(world, registry.look_up, tick)) is None


def test_without_a_registry_nothing_is_waited_for() -> None:
    world = World()

    assert wait_for_registration(a_step(world, None)) is None
    assert world.time == 0.0


def test_a_canary_that_is_lost_while_it_is_waited_for_is_the_reason() -> None:
    world = World()

    def tick(_: str) -> None:
        if world.time > 2.0:
            world.deployments["orders-canary"].pods.clear()
            world.deployments["orders-canary"].replicas = 0

    judgement = publish(a_step(world, MemoryRegistry(orders=STABLE).look_up, tick))

    assert (judgement.verdict, judgement.text) == (Verdict.FAIL, "orders-canary is not ready any more: no ready pod")
    assert not any("write" in line for line in world.log)


@pytest.mark.parametrize(
    ("canary", "outcome"),
    [(of_instances(("10.0.0.7:8080",)), Outcome.PROMOTED), (of_instances(()), Outcome.FAILED)],
    ids=["registered", "not registered"],
)
def test_a_whole_release_ends_with_the_files_as_they_were(canary: Registered, outcome: Outcome) -> None:
    world = World()
    suites = AskingSuites(world, [])
    registry = MemoryRegistry(orders=STABLE, orders_canary=canary)
    given, _ = wired(world, registry.look_up)
    release = replace(a_release(world, suites), target=SELF_REGISTERED)
    driver = Driver(replace(given, suites=suites), Holder("ci", "host", 1, world.wall()), apps={"orders": ORDERS})

    ended = driver.begin(release)

    assert (ended.phase, ended.outcome) == (Phase.DONE, outcome)
    assert world.published[-1][1][0].text == ROUTES
    assert world.deployments["orders-canary"].replicas == 0
    told = [note.text for note in ended.notes if "to register as orders-canary" in note.text]
    assert bool(told) == (outcome is Outcome.FAILED)
