"""One check of a precondition: what it found, or the error that it raised."""

from collections.abc import Callable

from gatewayctl.domain.errors import GatewayctlError
from gatewayctl.domain.platform import Check


def run_check(name: str, look: Callable[[], str]) -> Check:
    """The check `name` with the text that `look` returns; an error of ours becomes the check's fault."""
    try:
        return Check(name, look())
    except GatewayctlError as fault:
        return Check(name, str(fault), fault)
