"""When a rollout is complete, when it has failed, and when it is only slow; in looks at facts, without any clock."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from gatewayctl.domain.platform import Trouble, TroubleKind, Workload, is_same_image
from gatewayctl.domain.rollout import RETRIED_FOR, Complete, Failed, Progressing, Rollout, State

IMAGE = "shop/orders:1.1"
ROLLOUT = Rollout(IMAGE, within=120.0)


def orders(wanted: int, done: int, **facts: object) -> Workload:
    """`done` of `wanted` Pods run the new image and are available; the others run the old one."""
    counts = {"updated": done, "available": done, "others": wanted - done}
    pods = tuple(f"orders-{number}" for number in range(wanted))
    return replace(Workload("orders", IMAGE, wanted, done, "2", pods, **counts), **facts)  # type: ignore[arg-type]


def look(rollout: Rollout, seen: Iterable[Workload], every: float = 1.0) -> State:
    """The state after these looks, or the first end before the last one."""
    state: State = Progressing("nothing was seen")
    for number, now in enumerate(seen):
        rollout, state = rollout.after(now, number * every)
        if not isinstance(state, Progressing):
            break
    return state


def test_all_pods_updated_and_available_is_complete() -> None:
    ended = look(ROLLOUT, [orders(2, 2, digest="sha256:9c1f")])

    assert ended == Complete("orders 2/2 ready, sha256:9c1f", "sha256:9c1f")


@pytest.mark.parametrize(
    "facts",
    [{"observed": False}, {"available": 1}, {"updated": 1}, {"ready": 1}, {"others": 1}, {"pods": ("orders-0",)}],
    ids=str,
)
def test_one_fact_that_is_behind_is_not_complete(facts: dict[str, object]) -> None:
    assert isinstance(look(ROLLOUT, [orders(2, 2, **facts)]), Progressing)


def test_fifty_pods_that_roll_slowly_but_steadily_succeed() -> None:
    """p24: each needs 70 s, together almost an hour; the deadline is on the time without progress."""
    steadily = [orders(50, done) for done in range(51)]

    assert isinstance(look(ROLLOUT, (now for now in steadily for _ in range(70))), Complete)


def test_a_rollout_that_stands_still_fails_after_the_time_without_progress() -> None:
    slow = [orders(4, done) for done in (1, 2) for _ in range(100)]
    still = [orders(4, 2)] * 30

    assert look(ROLLOUT, [*slow, *still]) == Failed(
        "orders made no progress for 120 s: orders 2/4 ready, 2 of earlier specs"
    )


def test_counts_of_an_earlier_spec_are_not_what_later_ones_are_measured_by() -> None:
    """Right after a write the status still says that all is done, as it was for the spec before."""
    before = orders(4, 4, observed=False, ready=0)
    steps = [orders(4, 0, updated=number, available=3, others=4 - number) for number in (1, 2, 3, 4)]

    assert isinstance(look(ROLLOUT, [before, *(step for step in steps for _ in range(100))]), Progressing)


def test_a_pod_that_becomes_ready_again_and_again_is_no_progress() -> None:
    unsteady = [orders(1, 1, available=0), orders(1, 1, ready=0, available=0)] * 100

    assert isinstance(look(ROLLOUT, unsteady), Failed)


def test_time_in_which_nobody_could_look_is_not_held_against_a_rollout() -> None:
    """An API server that is away for ten minutes says nothing of the Pods; its controllers were away, too."""
    rollout, _ = ROLLOUT.after(orders(4, 1), 0.0)

    rollout, state = rollout.after(orders(4, 1), 600.0)

    assert isinstance(state, Progressing)


def test_pods_must_be_ready_for_min_ready_seconds_and_are_given_that_time() -> None:
    """k06: minReadySeconds of 300 s is longer than the time without progress; it is added to that."""
    waiting = orders(2, 2, available=0, min_ready=300.0)

    state = look(ROLLOUT, [waiting] * 301)

    assert state == Progressing("orders 2/2 ready, 0 of them for 300 s")
    assert isinstance(look(ROLLOUT, [*[waiting] * 301, orders(2, 2, min_ready=300.0)]), Complete)


def test_a_deployment_that_is_scaled_to_zero_is_not_rolled_out() -> None:
    """p14: no Pod is no proof; somebody may scale it up again, so it is given time."""
    empty = orders(0, 0)

    assert isinstance(look(ROLLOUT, [empty] * 119), Progressing)
    state = look(ROLLOUT, [empty] * 130)

    assert state == Failed(
        "orders was scaled to 0 by someone else, so nothing shows that shop/orders:1.1 runs", by_others=True
    )
    assert isinstance(look(ROLLOUT, [empty, orders(2, 2)]), Complete)


def test_a_look_from_before_the_new_size_was_asked_for_is_not_complete() -> None:
    """The share of a step went to one Pod where the step asks for two: the list of Pods was late."""
    sized = replace(ROLLOUT, replicas=2)

    assert isinstance(look(sized, [orders(1, 1)]), Progressing)
    assert isinstance(look(sized, [orders(1, 1), orders(2, 1), orders(2, 2)]), Complete)
    assert look(sized, [orders(1, 1)] * 130) == Failed(
        "orders was scaled to 1 by someone else; this step asks for 2", by_others=True
    )


def test_the_way_back_is_done_although_somebody_scaled_stable_to_zero() -> None:
    state = look(replace(ROLLOUT, may_be_empty=True), [orders(0, 0)])

    assert state == Complete("orders 0/0 ready; someone else scaled it to 0")


def test_another_image_was_set_by_somebody_else() -> None:
    assert look(ROLLOUT, [orders(2, 2, image="shop/orders:6.6")]) == Failed(
        "orders was changed to shop/orders:6.6 by someone else", by_others=True
    )


def test_what_cannot_heal_fails_at_once() -> None:
    trouble = Trouble("Pod orders-0: InvalidImageName", TroubleKind.FINAL)

    assert look(ROLLOUT, [orders(2, 1, trouble=trouble)]) == Failed(
        "orders cannot become ready: Pod orders-0: InvalidImageName"
    )


def test_what_is_tried_again_must_last() -> None:
    """k04: the first ErrImagePull of fifty, while the registry says 429."""
    pulling = orders(50, 29, trouble=Trouble("429 Too Many Requests", TroubleKind.RETRIED))
    before, after = int(RETRIED_FOR) - 1, int(RETRIED_FOR) + 1

    assert isinstance(look(ROLLOUT, [pulling] * before), Progressing)
    assert look(ROLLOUT, [pulling] * (after + 1)) == Failed("orders cannot become ready: 429 Too Many Requests")


def test_progress_elsewhere_gives_a_pod_in_trouble_new_time() -> None:
    trouble = Trouble("Pod orders-9: ErrImagePull", TroubleKind.RETRIED)
    looks = [orders(50, done, trouble=trouble) for done in range(10, 50) for _ in range(30)]

    assert isinstance(look(ROLLOUT, looks), Progressing)


def test_trouble_that_was_over_between_two_restarts_has_lasted_all_the_same() -> None:
    crashing = orders(1, 0, updated=1, others=0, trouble=Trouble("exited 1", TroubleKind.RETRIED))
    running = replace(crashing, trouble=None)

    assert isinstance(look(ROLLOUT, [crashing, running] * 60), Failed)


def test_a_failure_names_the_trouble_that_was_seen_last_even_between_two_restarts() -> None:
    crashing = orders(1, 0, updated=1, others=0, trouble=Trouble("exited 1", TroubleKind.RETRIED))
    running = replace(crashing, trouble=None)

    state = look(replace(ROLLOUT, within=30.0), [crashing, *[running] * 40])

    assert state == Failed("orders made no progress for 30 s: orders 0/1 ready; exited 1")


@pytest.mark.parametrize("text", ["0/3 nodes are available", "exceeded quota: small", "failed calling webhook"])
def test_what_may_pass_is_waited_for_and_named_when_it_does_not(text: str) -> None:
    """k02, k03, t02: a surge Pod without a node is what makes an autoscaler act; 30 s are not enough for that."""
    waiting = orders(4, 0, updated=1, others=3, trouble=Trouble(text, TroubleKind.PASSING))

    assert isinstance(look(ROLLOUT, [waiting] * 119), Progressing)
    assert isinstance(look(ROLLOUT, [*[waiting] * 119, orders(4, 4)]), Complete)
    state = look(ROLLOUT, [waiting] * 130)

    waited = f"orders made no progress for 120 s: orders 0/4 ready, 3 of earlier specs; {text}"
    assert state == Failed(waited, by_platform=True)


def test_a_pod_on_a_lost_node_is_told_and_not_waited_for() -> None:
    """k05."""
    state = look(ROLLOUT, [orders(2, 2, ghosts=("orders-h0-a on node node-7",))])

    assert state == Complete(
        "orders 2/2 ready; Pod orders-h0-a on node node-7 is still terminating, as the node does not answer; "
        "nothing sends to it and nobody waits for it"
    )


def test_pods_that_end_slowly_are_waited_for_but_fail_nobody() -> None:
    """Old Pods with a grace period of ten minutes: Kubernetes calls the rollout complete."""
    ending = orders(2, 2, pods=("orders-0", "orders-1", "old"), ending=1)

    assert isinstance(look(ROLLOUT, [ending] * 119), Progressing)
    assert look(ROLLOUT, [ending] * 130) == Complete("orders 2/2 ready; of the old Pods 1 still ending")


def test_a_recreated_deployment_may_wait_for_its_old_pods_as_long_as_they_need() -> None:
    """With strategy Recreate no new Pod is made before the last old one has ended."""
    waiting = orders(2, 0, others=0, ending=2)

    assert isinstance(look(ROLLOUT, [waiting] * 500), Progressing)


PINNED = f"{IMAGE}@sha256:{'a' * 64}"


def test_an_image_that_a_webhook_pinned_or_renamed_is_the_one_that_was_asked_for() -> None:
    """k11."""
    assert isinstance(look(ROLLOUT, [orders(2, 2, image=PINNED)]), Complete)
    renamed = orders(2, 2, image="mirror.example/shop/orders:1.1", requested=IMAGE)
    assert look(ROLLOUT, [renamed]) == Complete("orders 2/2 ready, stored as mirror.example/shop/orders:1.1")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (IMAGE, True),
        (PINNED, True),
        (f"shop/orders:1.2@sha256:{'a' * 64}", False),
        ("shop/orders:1.2", False),
        ("other/orders:1.1", False),
    ],
)
def test_a_tag_is_the_same_image_as_the_tag_with_its_digest(other: str, *, same: bool) -> None:
    assert (is_same_image(IMAGE, other), is_same_image(other, IMAGE)) == (same, same)


def test_two_digests_of_one_tag_are_two_images() -> None:
    assert not is_same_image(PINNED, f"{IMAGE}@sha256:{'b' * 64}")
