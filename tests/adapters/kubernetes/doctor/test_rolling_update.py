"""Whether stable's own rolling update would drop requests, and the warning about it."""

from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import Object
from tests.adapters.kubernetes.doctor.twins import container_of, pair, run_checks

READY = {"readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}}}


def waiting(**hook: Any) -> Object:
    return {**READY, "lifecycle": {"preStop": hook}}


@pytest.mark.parametrize("hook", [{"sleep": {"seconds": 2}}, {"exec": {"command": ["sleep", "5"]}}])
def test_pods_that_wait_before_they_end_are_no_reason_to_warn(hook: Object) -> None:
    stable, canary = pair()
    container_of(stable).update(waiting(**hook))

    check = run_checks(stable, canary)["rolling update"]

    assert (check.fault, check.hint) == (None, "")


@pytest.mark.parametrize(
    ("container", "spec", "reason", "cure"),
    [
        (READY, {}, "has no preStop", "preStop: {sleep: {seconds: 5}}"),
        (waiting(sleep={"seconds": 0}), {}, "has no preStop", "preStop: {sleep: {seconds: 5}}"),
        (
            waiting(sleep={"seconds": 20}),
            {"terminationGracePeriodSeconds": 20},
            "killed after 20 s, and preStop alone waits 20 s",
            "terminationGracePeriodSeconds to 50",
        ),
        (waiting(sleep={"seconds": 40}), {}, "killed after 30 s", "terminationGracePeriodSeconds to 70"),
        ({"lifecycle": {"preStop": {"sleep": {"seconds": 2}}}}, {}, "no readinessProbe", "a readinessProbe"),
    ],
)
def test_a_stable_that_would_drop_requests_is_a_warning_with_its_cure_and_no_fault(
    container: Object, spec: Object, reason: str, cure: str
) -> None:
    stable, canary = pair()
    container_of(stable).update(container)
    stable["spec"]["template"]["spec"].update(spec)

    check = run_checks(stable, canary)["rolling update"]

    assert check.fault is None
    assert reason in check.detail
    assert cure in check.hint


def test_a_strategy_that_ends_all_pods_first_is_warned_of() -> None:
    stable, canary = pair()
    container_of(stable).update(waiting(sleep={"seconds": 2}))
    stable["spec"]["strategy"] = {"type": "Recreate"}

    assert "RollingUpdate" in run_checks(stable, canary)["rolling update"].hint
