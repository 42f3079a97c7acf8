"""Decisions of rolling updates: a table of cases, and pods that get ready in any order."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.adapters.sandbox.deployment import Steps, next_steps


@dataclass(frozen=True, slots=True)
class Pod:
    name: str
    image: str
    ready: bool = True
    ending: bool = False


def pods(*specs: str) -> list[Pod]:
    """`a1` is a ready pod of image a; `a1-` is not ready, `a1x` is ending."""
    return [Pod(spec, spec[0], not spec.endswith("-"), spec.endswith("x")) for spec in specs]


@pytest.mark.parametrize(
    ("image", "replicas", "there", "steps"),
    [
        ("a", 1, pods(), Steps(1)),
        ("a", 3, pods(), Steps(3)),
        ("a", 1, pods("a1"), Steps()),
        ("a", 1, pods("a1-"), Steps()),
        ("a", 1, pods("a1x"), Steps(1)),
        ("a", 0, pods(), Steps()),
        ("a", 0, pods("a1", "b1-"), Steps(0, ("a1", "b1-"))),
        ("a", 0, pods("a1x"), Steps()),
        ("a", 1, pods("a1", "a2", "a3-"), Steps(0, ("a3-", "a2"))),
        # a new image: one more, then one less
        ("b", 1, pods("a1"), Steps(1)),
        ("b", 1, pods("a1", "b1-"), Steps()),
        ("b", 1, pods("a1", "b1"), Steps(0, ("a1",))),
        ("b", 1, pods("a1x", "b1"), Steps()),
        ("b", 2, pods("a1", "a2"), Steps(1)),
        ("b", 2, pods("a1", "a2", "b1-"), Steps()),
        ("b", 2, pods("a1", "a2", "b1"), Steps(0, ("a1",))),
        ("b", 2, pods("a1x", "a2", "b1"), Steps(1)),
        # an old pod that serves nobody is in the way of nobody
        ("b", 1, pods("a1-"), Steps(1, ("a1-",))),
        # back again: the pod of the good image stays
        ("a", 1, pods("a1", "b1-"), Steps(0, ("b1-",))),
        # a new image and fewer pods at once
        ("b", 1, pods("a1", "a2"), Steps(0, ("a1",))),
    ],
)
def test_the_next_steps_are(image: str, replicas: int, there: list[Pod], steps: Steps) -> None:
    assert next_steps(image, replicas, there) == steps


@given(st.integers(1, 4), st.lists(st.tuples(st.sampled_from("rux"), st.integers(0, 9)), max_size=40))
def test_a_rolling_update_never_has_too_few_ready_nor_more_than_one_too_many(
    replicas: int, happenings: list[tuple[str, int]]
) -> None:
    there = [Pod(f"a{number}", "a") for number in range(replicas)]
    for turn in range(200):
        steps = next_steps("b", replicas, there)
        there = [replace(pod, ending=pod.ending or pod.name in steps.stop) for pod in there]
        there += [Pod(f"b{turn}.{number}", "b", ready=False) for number in range(steps.start)]
        assert sum(pod.ready and not pod.ending for pod in there) >= replicas
        assert sum(not pod.ending for pod in there) <= replicas + 1
        what, which = happenings.pop() if happenings else ("r", turn)
        new = [pod for pod in there if pod.image == "b" and not pod.ready and not pod.ending]
        gone = [pod for pod in there if pod.ending]
        if what == "r" and new:
            chosen = new[which % len(new)]
            there = [replace(pod, ready=pod.ready or pod is chosen) for pod in there]
        if (what == "x" or not happenings) and gone:
            there.remove(gone[which % len(gone)])
        if not new and not gone and steps == Steps():
            break
    assert [pod.image for pod in there] == ["b"] * replicas
