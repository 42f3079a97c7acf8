"""The contract of ports.WorkloadReader and ports.WorkloadWriter, side by side."""

import pytest

from gatewayctl.domain.errors import Missing, StaleWrite
from gatewayctl.domain.platform import Workload
from tests.contract.harness import Platform
from tests.contract.racing import race


def idle(platform: Platform) -> Workload:
    return platform.workloads.read(platform.names.idle)


def start(platform: Platform, image: str, replicas: int = 1) -> Workload:
    return platform.workload_writer.change(idle(platform), image=image, replicas=replicas)


def test_a_workload_is_read_with_its_image_pods_and_readiness(platform: Platform) -> None:
    found = platform.workloads.read(platform.names.busy)

    assert found.name == platform.names.busy
    assert found.image == platform.names.image
    assert found.ready == found.replicas == len(found.pods) > 0
    assert all(pod.startswith(f"{platform.names.busy}-") for pod in found.pods)
    assert found.settled
    assert not found.trouble


def test_a_workload_without_replicas_is_settled_with_no_pod(platform: Platform) -> None:
    found = idle(platform)

    assert (found.replicas, found.ready, found.pods) == (0, 0, ())
    assert found.settled
    assert not found.trouble


def test_a_workload_that_does_not_exist_is_missing_and_named(platform: Platform) -> None:
    with pytest.raises(Missing, match="no-such-app"):
        platform.workloads.read("no-such-app")


def test_a_started_workload_becomes_ready_and_settled(platform: Platform) -> None:
    start(platform, platform.names.next_image)

    platform.settle(lambda: idle(platform).settled, "the canary")
    found = idle(platform)
    assert (found.image, found.replicas, found.ready) == (platform.names.next_image, 1, 1)
    assert len(found.pods) == 1
    assert found.pods[0].startswith(f"{platform.names.idle}-")


def test_a_change_is_not_settled_before_it_is_done(platform: Platform) -> None:
    changed = start(platform, platform.names.next_image)

    assert not changed.settled
    assert changed.ready == 0


def test_every_change_makes_a_new_version_also_when_nothing_differs(platform: Platform) -> None:
    before = idle(platform)

    same = platform.workload_writer.change(before, image=before.image, replicas=before.replicas)
    nothing = platform.workload_writer.change(same)

    assert len({before.version, same.version, nothing.version}) == 3
    assert (nothing.image, nothing.replicas) == (before.image, before.replicas)


def test_a_change_of_nothing_restarts_no_pod(platform: Platform) -> None:
    before = platform.workloads.read(platform.names.busy)

    platform.workload_writer.change(before, image=before.image, replicas=before.replicas)
    platform.settle(lambda: platform.workloads.read(platform.names.busy).settled, "stable")

    assert platform.workloads.read(platform.names.busy).pods == before.pods


def test_the_version_stays_while_only_the_status_moves(platform: Platform) -> None:
    changed = start(platform, platform.names.next_image)

    platform.settle(lambda: idle(platform).settled, "the canary")

    assert idle(platform).version == changed.version


def test_a_writer_who_read_earlier_is_refused_and_changes_nothing(platform: Platform) -> None:
    early = idle(platform)
    platform.workload_writer.change(early)

    with pytest.raises(StaleWrite, match=platform.names.idle):
        platform.workload_writer.change(early, image=platform.names.next_image, replicas=1)

    assert (idle(platform).image, idle(platform).replicas) == (early.image, 0)


def test_of_several_writers_at_once_exactly_one_wins(platform: Platform) -> None:
    read = idle(platform)

    won, lost = race(lambda _: platform.workload_writer.change(read, image=platform.names.next_image))

    assert len(won) == 1
    assert len(lost) == 5
    assert idle(platform).version == won[0].version


def test_image_and_replicas_change_one_without_the_other(platform: Platform) -> None:
    image = platform.workload_writer.change(idle(platform), image=platform.names.next_image)
    both = platform.workload_writer.change(image, replicas=1)

    assert (image.image, image.replicas) == (platform.names.next_image, 0)
    assert (both.image, both.replicas) == (platform.names.next_image, 1)


def test_a_new_image_counts_as_ready_only_on_pods_that_run_it(platform: Platform) -> None:
    start(platform, platform.names.image)
    platform.settle(lambda: idle(platform).settled, "the canary on its first image")

    changed = platform.workload_writer.change(idle(platform), image=platform.names.next_image)

    assert changed.ready == 0
    platform.settle(lambda: idle(platform).ready == 1, "the canary on its next image")
    platform.settle(lambda: idle(platform).settled, "the old pod to be gone")
    assert len(idle(platform).pods) == 1


def test_a_crashing_image_is_explained_and_never_ready(platform: Platform) -> None:
    start(platform, platform.names.crashing)

    platform.settle(lambda: bool(idle(platform).trouble), "an explanation")

    found = idle(platform)
    assert platform.names.idle in str(found.trouble)
    assert "exited 1" in str(found.trouble)
    assert (found.ready, found.settled) == (0, False)


def test_an_image_that_cannot_be_had_is_explained(platform: Platform) -> None:
    start(platform, platform.names.unknown)

    platform.settle(lambda: platform.names.unknown in str(idle(platform).trouble), "an explanation")

    assert (idle(platform).ready, idle(platform).settled) == (0, False)


def test_a_pod_that_is_merely_not_ready_is_no_certain_trouble(platform: Platform) -> None:
    start(platform, platform.names.unready)

    platform.settle(lambda: len(idle(platform).pods) == 1, "its pod")

    found = idle(platform)
    assert (found.ready, found.settled, found.trouble) == (0, False, None)


def test_what_is_read_now_is_what_was_written_last(platform: Platform) -> None:
    changed = platform.workload_writer.change(idle(platform), image=platform.names.next_image)

    found = platform.workloads.read_now(platform.names.idle)

    assert (found.image, found.version) == (platform.names.next_image, changed.version)
    assert platform.workloads.staleness >= 0


def test_trouble_ends_with_the_change_that_ends_it(platform: Platform) -> None:
    start(platform, platform.names.unknown)
    platform.settle(lambda: bool(idle(platform).trouble), "an explanation")

    changed = platform.workload_writer.change(idle(platform), image=platform.names.next_image)

    assert not changed.trouble
    platform.settle(lambda: idle(platform).settled, "the canary after all")


def test_a_bad_image_leaves_the_pods_of_the_good_one_in_place(platform: Platform) -> None:
    start(platform, platform.names.image)
    platform.settle(lambda: idle(platform).settled, "the canary")
    good = idle(platform).pods

    platform.workload_writer.change(idle(platform), image=platform.names.crashing)
    platform.settle(lambda: bool(idle(platform).trouble), "an explanation")
    assert set(good) < set(idle(platform).pods)

    platform.workload_writer.change(idle(platform), image=platform.names.image)
    platform.settle(lambda: idle(platform).settled, "the way back")
    assert idle(platform).pods == good


def test_a_workload_taken_to_zero_is_settled_when_its_last_pod_is_gone(platform: Platform) -> None:
    start(platform, platform.names.next_image)
    platform.settle(lambda: idle(platform).settled, "the canary")

    platform.workload_writer.change(idle(platform), replicas=0)
    platform.settle(lambda: idle(platform).settled, "the canary to be gone")

    assert idle(platform).pods == ()


def test_logs_hold_what_a_pod_said_last(platform: Platform) -> None:
    start(platform, platform.names.crashing)
    platform.settle(lambda: bool(idle(platform).trouble), "an explanation")

    text = platform.workloads.logs(platform.names.idle, 2)

    assert text.strip()
    assert len(text.splitlines()) <= 2
