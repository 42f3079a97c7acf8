"""Nothing is touched until every precondition holds; each that does not is an error of its own."""

from dataclasses import dataclass, replace

import pytest

from gatewayctl.domain.apps import check_image
from gatewayctl.domain.errors import Conflict, Drifted, EnvironmentFailed, ExitCode, UsageFault
from gatewayctl.domain.platform import Trouble, TroubleKind, Workload
from gatewayctl.domain.release import Mode, Phase
from gatewayctl.domain.routing import SourceFile
from gatewayctl.domain.trial import Suite, Trial
from gatewayctl.orchestration.planning import check_drift, plan
from gatewayctl.orchestration.preflight import PreflightFailed, check_value, preflight, require
from tests.fakes.shop import ORDERS, AskingSuites, a_driver, a_release, ports
from tests.fakes.world import ROUTES, World

PLAIN = replace(ORDERS, trial=Trial(timings=ORDERS.trial.timings))


@dataclass
class StoppedWorkloads:
    """What is known of every workload while the platform is stopped."""

    now: Workload

    def read(self, _name: str) -> Workload:
        return self.now

    def read_now(self, name: str) -> Workload:
        return self.read(name)


def find_fault(world: World, **changes: object):
    suites = AskingSuites(world, [])
    release = replace(a_release(world, suites, PLAIN), **changes)
    writes = world.writes
    with pytest.raises((UsageFault, Conflict, EnvironmentFailed, PreflightFailed)) as caught:
        require(preflight(ports(world, suites), release))
    assert world.writes == writes
    return caught.value


def test_a_healthy_world_passes_every_check():
    world = World()
    suites = AskingSuites(world, [])

    checks = preflight(ports(world, suites), a_release(world, suites, PLAIN))

    assert [check.name for check in checks if check.fault] == []
    assert len(checks) == 11


def test_an_image_that_runs_already_is_nothing_to_release():
    fault = find_fault(World(), image="shop/orders:1.0")
    assert (fault.exit_code, str(fault)) == (ExitCode.USAGE, "orders runs shop/orders:1.0 already")


def test_a_canary_in_use_is_left_alone():
    world = World()
    world.deployments["orders-canary"].replicas = 1
    assert find_fault(world).exit_code == ExitCode.CONFLICT


def test_a_gateway_replica_that_is_down_cannot_be_proven():
    world = World(down={"gw-1"})
    fault = find_fault(world)
    assert fault.exit_code == ExitCode.ENVIRONMENT
    assert "gw-1 (held down)" in str(fault)


def test_a_platform_that_is_stopped_is_told_once_with_the_command_that_starts_it():
    world = World()
    suites = AskingSuites(world, [])
    stopped = Trouble("the sandbox is not running", TroubleKind.PASSING, "gatewayctl sandbox up")
    now = replace(ports(world, suites).workloads.read("orders"), ready=0, observed=False, trouble=stopped)
    release, plain = a_release(world, suites, PLAIN), ports(world, suites)

    checks = preflight(replace(plain, workloads=StoppedWorkloads(now)), release)

    (fault,) = [check.fault for check in checks if check.fault]
    assert (fault.exit_code, fault.hint) == (ExitCode.ENVIRONMENT, "start it first: gatewayctl sandbox up")
    assert "repair it" not in str(fault)


def test_a_rule_that_is_there_already_is_not_overwritten():
    world = World()
    rule = "/api/orders x-canary=old stamp=r-0 name=gatewayctl-orders-canary -> orders-canary\n"
    world.published.append((-500.0, (SourceFile("routes.txt", rule + ROUTES),)))
    fault = find_fault(world)
    assert fault.exit_code == ExitCode.CONFLICT
    assert str(fault).startswith("routes.txt:1: there is a rule gatewayctl-orders-canary (x-canary: old) already")


def test_a_replica_that_still_runs_the_last_rule_would_send_to_a_canary_that_starts():
    world = World(lags=(0.5, 60.0))
    rule = "/api/orders x-canary=old stamp=r-0 name=gatewayctl-orders-canary -> orders-canary\n"
    world.published += [(-500.0, (SourceFile("routes.txt", rule + ROUTES),)), (-5.0, world.published[0][1])]

    fault = find_fault(world)

    assert fault.exit_code == ExitCode.ENVIRONMENT
    assert str(fault).startswith("gw-1 still runs 1 route named gatewayctl-orders-canary, which the gateway's files do")


def test_a_route_of_someone_else_to_the_canary_would_be_a_leak():
    world = World()
    world.published.append((-500.0, (SourceFile("routes.txt", "/api/beta -> orders-canary\n" + ROUTES),)))
    assert str(find_fault(world)) == "routes.txt:1: a route that is not ours sends to orders-canary already"


def test_an_upstream_that_the_gateway_does_not_know_is_found_before_anything_starts():
    fault = find_fault(World(), target=replace(PLAIN.target, canary_service="orders-next"))
    assert (fault.exit_code, str(fault)) == (ExitCode.USAGE, "gw-0: orders-next is unknown")


def test_what_the_gateway_cannot_do_is_said_before_anything_else():
    world = World()
    request = replace(PLAIN, target=replace(PLAIN.target, fallback=True))

    with pytest.raises(UsageFault, match="cannot fall back to stable when the canary of orders is gone"):
        a_release(world, AskingSuites(world, []), request)


def test_an_application_without_a_route_is_refused_by_its_file():
    world = World()
    world.published.append((-500.0, (SourceFile("routes.txt", "/api/payments -> payments\n"),)))
    assert "routes.txt: no route sends to orders" in str(find_fault(world))


def test_a_suite_that_does_not_exist_is_found_before_anything_starts():
    fault = find_fault(World(), trial=Trial(suite=Suite("no/such/suite")))
    assert str(fault) == "suite: no/such/suite does not exist"


def test_a_suite_without_its_python_is_found_before_anything_starts(tmp_path):
    fault = find_fault(World(), trial=Trial(suite=Suite(f"{tmp_path}::test_it", python="nowhere")))
    assert str(fault) == "orders: nowhere does not exist"


def test_several_faults_are_told_together_with_the_gravest_exit_code():
    world = World(down={"gw-0"})
    fault = find_fault(world, image="shop/orders:1.0", trial=Trial(suite=Suite("no/such/suite")))
    assert isinstance(fault, PreflightFailed)
    assert fault.exit_code == ExitCode.ENVIRONMENT
    assert len([line for line in str(fault).splitlines() if not line.startswith("    →")]) == 3


def test_a_second_release_of_one_application_is_a_conflict_that_names_the_first():
    world = World()
    suites = AskingSuites(world, [])
    first = a_release(world, suites, PLAIN, Mode.MANUAL)
    assert a_driver(world, suites).begin(first).phase is Phase.WAIT

    second = a_release(world, suites, PLAIN)
    with pytest.raises(Conflict, match=f"unfinished release {first.id} .* in phase wait, started by ci") as caught:
        a_driver(world, suites, pid=2).begin(second)
    assert "gatewayctl abort orders" in caught.value.hint


def test_while_a_release_is_open_only_that_is_told_and_nothing_dangerous_is_advised():
    world = World()
    suites = AskingSuites(world, [])
    a_driver(world, suites).begin(a_release(world, suites, PLAIN, Mode.MANUAL))

    checks = preflight(ports(world, suites), a_release(world, suites, PLAIN))

    assert [check.name for check in checks] == ["no other release"]
    with pytest.raises(Conflict, match="has an unfinished release") as caught:
        require(checks)
    assert "scale" not in caught.value.hint
    assert "rule remove" not in caught.value.hint


def test_a_canary_that_runs_under_a_live_rule_without_a_journal_is_not_to_be_scaled_down():
    """The case q22: the journal is gone, rule and canary are there."""
    world = World()
    suites = AskingSuites(world, [])
    a_driver(world, suites).begin(a_release(world, suites, PLAIN, Mode.MANUAL))
    del world.records["orders"]

    checks = {check.name: check for check in preflight(ports(world, suites), a_release(world, suites, PLAIN))}

    fault = checks["canary"].fault
    assert fault is not None
    assert "gatewayctl sweep orders" in fault.hint
    assert "scale" not in fault.hint


@pytest.mark.parametrize("image", ["shop/orders", "shop/orders:latest", "registry:5000/orders", "", "a b:1"])
def test_an_image_that_is_not_one_build_is_refused(image):
    with pytest.raises(UsageFault):
        check_image(image)


@pytest.mark.parametrize("image", ["orders:2.4.0", "registry:5000/shop/orders:2", "orders@sha256:" + "9c1f" * 16])
def test_an_image_that_names_one_build_is_accepted(image):
    check_image(image)


def test_a_plan_shows_every_write_and_makes_none():
    world = World()
    suites = AskingSuites(world, [])
    release = a_release(world, suites)

    made = plan(ports(world, suites), release)

    assert world.writes == 0
    assert [diff.name for diff in made.diffs] == ["Deployment orders-canary", "routes.txt", "Deployment orders"]
    added = [line[1:] for line in made.diffs[1].text.splitlines() if line[0] == "+" and not line.startswith("+++")]
    mark = f"x-canary={release.header.value} stamp={release.id} name=gatewayctl-orders-canary"
    assert added == [f"/api/orders {mark} -> orders-canary", f"/api/orders-admin {mark} -> orders-canary"]
    assert "-replicas: 0\n+replicas: 1" in made.diffs[0].text


@pytest.mark.parametrize("moved", ["routes", "stable", "canary"])
def test_a_saved_plan_is_refused_when_reality_has_drifted(moved):
    world = World()
    suites = AskingSuites(world, [])
    outside = ports(world, suites)
    made = plan(outside, a_release(world, suites))
    check_drift(outside, made)

    if moved == "routes":
        world.published.append((-1.0, (SourceFile("routes.txt", ROUTES + "/new -> payments\n"),)))
    else:
        name = "orders" if moved == "stable" else "orders-canary"
        world.deployments[name].image = "shop/orders:0.8"

    with pytest.raises(Drifted, match="routes.txt" if moved == "routes" else f"Deployment {name}: was"):
        check_drift(outside, made)


@pytest.mark.parametrize(
    "image",
    [
        "orders:",
        "ORDERS:1",
        "orders:1:2",
        "orders@latest",
        "orders@sha256:12",
        "host:5000/",
        "/orders:1",
        "orders:2.4.0 ",
        "orders:é",
        "orders:" + "a" * 129,
        "",
    ],
)
def test_what_is_no_image_reference_is_refused_whatever_tag_is_allowed(image):
    """k14: some of these were taken, and failed only in the cluster."""
    for any_tag in (False, True):
        with pytest.raises(UsageFault, match="is not an image reference"):
            check_image(image, any_tag=any_tag)


@pytest.mark.parametrize(
    "image",
    [
        "host:5000/img:1",
        "[::1]:5000/team/img:1",
        "Registry.example/a/b__c/d--e.f:2.4.0-rc.1_x",
        "orders:latest@sha256:" + "a" * 64,
        "orders@sha256:" + "0" * 64,
    ],
)
def test_what_names_one_build_is_taken(image):
    check_image(image)


@pytest.mark.parametrize("image", ["host:5000/img", "orders", "orders:latest"])
def test_what_may_be_another_build_tomorrow_needs_any_tag(image):
    with pytest.raises(UsageFault, match="is not one build"):
        check_image(image)
    check_image(image, any_tag=True)


def test_a_fixed_value_is_a_warning_and_one_per_release_is_none():
    found = check_value(replace(ORDERS, value="always"))

    assert [(check.name, check.fault) for check in found] == [("header value", None)]
    assert "x-canary: always" in found[0].detail
    assert "value: per-release" in found[0].hint
    assert check_value(ORDERS) == ()


def test_the_value_of_a_release_cannot_be_guessed_from_what_outsiders_see():
    """The value held the release's id, which every answer of the canary and every Event shows."""
    world = World()
    suites = AskingSuites(world, [])
    releases = [a_release(world, suites, PLAIN) for _ in range(50)]

    values = [release.header.value.removeprefix("r-") for release in releases]

    assert all(release.id.removeprefix("r-") not in value for release, value in zip(releases, values, strict=True))
    assert {len(value) * 4 for value in values} == {80}, "bits"
    assert len({value[at : at + 4] for value in values for at in range(0, 20, 4)}) > 200, "one part repeats"
