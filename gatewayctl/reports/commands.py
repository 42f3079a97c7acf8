"""Commands to copy: what a person may do next, and a request as QA sends it."""

import shlex

from gatewayctl.domain.platform import Probe
from gatewayctl.domain.survey import NextStep

_COMMANDS = {
    NextStep.RELEASE: "gatewayctl release {app} --image IMAGE",
    NextStep.SMOKE: "gatewayctl smoke {app}",
    NextStep.PROMOTE: "gatewayctl promote {app}",
    NextStep.ABORT: "gatewayctl abort {app}",
    NextStep.RESUME: "gatewayctl resume {app}",
}


def command_of(step: NextStep, app: str) -> str:
    """The command line that takes this step for an application."""
    return _COMMANDS[step].format(app=app)


def curl_line(address: str, probe: Probe) -> str:
    """The curl command that sends exactly this request to `address` (host:port)."""
    words = ["curl", "-s", "-i", "-H", f"Host: {probe.host}"]
    for name, value in probe.headers:
        words += ["-H", f"{name}: {value}"]
    return shlex.join([*words, f"http://{address}{probe.path}"])
