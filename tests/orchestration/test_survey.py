"""What `status` sees of a platform that is stopped."""

from dataclasses import replace

from gatewayctl.domain.errors import PlatformStopped
from gatewayctl.domain.platform import Replica
from gatewayctl.orchestration.survey import survey
from tests.fakes.shop import ORDERS, AskingSuites, ports
from tests.fakes.world import World


class StoppedReplicas:
    """The replicas of a platform that is stopped."""

    def list(self) -> tuple[Replica, ...]:
        raise PlatformStopped("the sandbox is not running", "gatewayctl sandbox up")


def test_a_platform_that_is_stopped_has_a_command_that_starts_it():
    world = World()
    running = ports(world, AskingSuites(world, []))
    stopped = replace(running, gateway=replace(running.gateway, replicas=StoppedReplicas()))

    seen = survey(stopped, ORDERS.target)

    assert (seen.start, seen.faults) == ("gatewayctl sandbox up", ("the sandbox is not running",))
    assert survey(running, ORDERS.target).start == ""


def test_each_fault_is_told_once():
    world = World()

    seen = survey(ports(world, AskingSuites(world, [])), replace(ORDERS.target, stable="gone", canary="gone"))

    assert len(seen.faults) == 1
