"""`sync`: a canary that differs and does not run is brought in line; nothing else is ever written."""

import pytest

from gatewayctl.adapters.kubernetes.client.api import Object, VersionConflict
from gatewayctl.adapters.kubernetes.doctor.twin_sync import Twins
from gatewayctl.domain.errors import Conflict, EnvironmentFailed, StaleWrite
from gatewayctl.domain.twins import SyncOutcome
from tests.adapters.kubernetes.doctor.twins import TARGET, container_of, pair
from tests.adapters.kubernetes.fake_api.memory_api import MemoryApi

PATCH = "patch deployments/orders-canary"


class RacingApi(MemoryApi):
    """Somebody else writes right before each patch of ours."""

    def patch(self, path: str, operations: list[Object], **query: str) -> Object:
        raise VersionConflict(422, f"PATCH {path}: the test failed")


def test_a_canary_that_differs_is_brought_in_line_once() -> None:
    api = MemoryApi(*pair(args=["--slow"]))
    twins = Twins(api, "shop", TARGET)

    first, second = twins.sync(write=True), twins.sync(write=True)

    assert (first.canary, first.outcome, len(first.differences)) == ("orders-canary", SyncOutcome.WRITTEN, 1)
    assert (second.outcome, second.differences) == (SyncOutcome.NOTHING_TO_DO, ())
    assert "args" not in container_of(api.deployments["orders-canary"])
    assert api.asked.count(PATCH) == 1


def test_without_write_the_differences_are_only_shown() -> None:
    api = MemoryApi(*pair(args=["--slow"]))

    shown = Twins(api, "shop", TARGET).sync(write=False)

    assert (shown.outcome, len(shown.differences)) == (SyncOutcome.NOT_WRITTEN, 1)
    assert PATCH not in api.asked


def test_a_canary_that_runs_is_not_written_to() -> None:
    stable, canary = pair(args=["--slow"])
    canary["spec"]["replicas"] = 1
    api = MemoryApi(stable, canary)

    with pytest.raises(Conflict, match="would restart its Pods") as caught:
        Twins(api, "shop", TARGET).sync(write=True)

    assert "gatewayctl status orders" in caught.value.hint
    assert PATCH not in api.asked


def test_a_canary_that_somebody_changed_meanwhile_is_not_written_over() -> None:
    with pytest.raises(StaleWrite, match="changed by someone else"):
        Twins(RacingApi(*pair(args=["--slow"])), "shop", TARGET).sync(write=True)


def test_a_twin_that_does_not_exist_is_named() -> None:
    with pytest.raises(EnvironmentFailed, match="no Deployment orders-canary in namespace shop"):
        Twins(MemoryApi(pair()[0]), "shop", TARGET).sync(write=True)
