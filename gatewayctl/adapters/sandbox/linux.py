"""The sandbox needs Linux: all of 127.0.0.0/8, and processes that the kernel ends together with their parent."""

import sys

from gatewayctl.domain.errors import EnvironmentFailed


def require_linux() -> None:
    """Raise EnvironmentFailed on any other system."""
    if sys.platform != "linux":
        raise EnvironmentFailed(
            f"the sandbox runs on Linux only (this is {sys.platform}): it needs 127.0.0.0/8 as it is on Linux, "
            "and children that end with their parent",
            hint="run it in a Linux container or virtual machine",
        )
