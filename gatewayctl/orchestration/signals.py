"""Which source tells the signals that a ramp is judged by."""

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.ramp import Judging
from gatewayctl.domain.release import Release
from gatewayctl.orchestration.context import Ports
from gatewayctl.ports import SignalSource


def find_source(sources: tuple[SignalSource, ...], judging: Judging | None) -> SignalSource | None:
    """The source that is named; None where nobody judges. Raises UsageFault when it is not there."""
    if judging is None:
        return None
    found = next((one for one in sources if one.name == judging.source), None)
    if found is None:
        names = ", ".join(one.name for one in sources) or "none"
        raise UsageFault(
            f"no source of signals is called {judging.source} here; there is: {names}",
            hint="name another one under ramp.judge.source; with judge: none the steps pass when their time is over",
        )
    return found


def check_source(ports: Ports, release: Release) -> None:
    """Raise UsageFault when nothing tells what the ramp of a release is judged by."""
    find_source(ports.signals, release.trial.ramp.judging)
