"""A turn to write is waited for, by chance and longer each time, and not for ever."""

from dataclasses import replace
from itertools import pairwise

import pytest

from gatewayctl.domain.errors import StaleWrite, Transient
from gatewayctl.orchestration.context import Fence, NoLine, StepContext
from gatewayctl.orchestration.retries import retry_on_conflict
from tests.fakes.shop import AskingSuites, a_release, ports
from tests.fakes.world import World


def a_context() -> StepContext:
    """A release where no turns can be had."""
    world = World()
    suites = AskingSuites(world, [])
    return StepContext(
        replace(ports(world, suites), turns=NoLine()),
        a_release(world, suites),
        Fence(lambda: None, lambda: None),
        lambda _text: None,
    )


class Rivals:
    """Others who write first, so many times; notes when it was tried."""

    def __init__(self, context: StepContext, times: int) -> None:
        self.context, self.left = context, times
        self.tried: list[float] = []

    def __call__(self) -> str:
        self.tried.append(self.context.ports.clock.now())
        if self.left:
            self.left -= 1
            raise StaleWrite("written by others")
        return "written"


def test_who_loses_many_times_waits_longer_and_gets_a_turn():
    context = a_context()
    rivals = Rivals(context, 30)

    assert retry_on_conflict(context, rivals) == "written"

    waits = [after - before for before, after in pairwise(rivals.tried)]
    assert len(waits) == 30
    assert max(waits[:3]) < 0.9
    assert 2.0 < max(waits[10:]) <= 5.0


def test_two_releases_that_lost_together_do_not_come_back_together():
    one, other = a_context(), a_context()
    rivals = Rivals(one, 5), Rivals(other, 5)

    retry_on_conflict(one, rivals[0])
    retry_on_conflict(other, rivals[1])

    assert one.release.id != other.release.id
    assert all(mine != theirs for mine, theirs in zip(rivals[0].tried[1:], rivals[1].tried[1:], strict=True))


def test_a_turn_that_never_comes_is_given_up_with_its_reason():
    context = a_context()

    with pytest.raises(Transient, match="others wrote the gateway's files first"):
        retry_on_conflict(context, Rivals(context, 10_000))
