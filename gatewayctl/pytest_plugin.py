"""The pytest plugin: knows a marker, and does nothing else unless gatewayctl started this pytest.

It is registered for every pytest where gatewayctl is installed. So its fixtures exist only when there is a canary to
test: a suite may have its own fixture with a name such as `client`.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: "pytest.Config") -> None:
    """Know the marker; offer the fixtures and start to count, if this process was started to test a canary."""
    config.addinivalue_line("markers", "gatewayctl(unproven=REASON): passes without an answer of the canary")
    if "GATEWAYCTL_SMOKE_CONTEXT" not in os.environ:
        return
    from gatewayctl.child_process.pytest_session import begin
    from gatewayctl.child_process.run_context import read_run_context

    run_context = read_run_context()
    if run_context:
        begin(config, run_context)
