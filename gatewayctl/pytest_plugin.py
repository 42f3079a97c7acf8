"""The pytest plugin: does nothing, and costs nothing, unless gatewayctl started this pytest.

It is registered for every pytest where gatewayctl is installed. So its fixtures exist only when there is a canary to
test: a suite may have its own fixture with a name such as `client`.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: "pytest.Config") -> None:
    """Offer the fixtures and start to count, if this process was started to test a canary."""
    if "GATEWAYCTL_SMOKE_CONTEXT" not in os.environ:
        return
    from gatewayctl.child_process.pytest_session import begin
    from gatewayctl.child_process.run_context import read_run_context

    run_context = read_run_context()
    if run_context:
        begin(config, run_context)
