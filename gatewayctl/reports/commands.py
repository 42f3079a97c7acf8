"""Commands to copy: what a person may do next, and a request as QA sends it."""

import shlex

from gatewayctl.domain.platform import Probe
from gatewayctl.domain.survey import NextStep

_COMMANDS = {
    NextStep.RELEASE: "gatewayctl release {app} --image IMAGE",
    NextStep.SMOKE: "gatewayctl smoke {app}",
    NextStep.RAMP: "gatewayctl ramp {app}",
    NextStep.PAUSE: "gatewayctl pause {app}",
    NextStep.SKIP: "gatewayctl skip {app}",
    NextStep.PROMOTE: "gatewayctl promote {app}",
    NextStep.ABORT: "gatewayctl abort {app}",
    NextStep.RESUME: "gatewayctl resume {app}",
}


def command_of(step: NextStep, app: str) -> str:
    """The command line that takes this step for an application."""
    return _COMMANDS[step].format(app=app)


def curl_line(address: str, probe: Probe) -> str:
    """The curl command that sends exactly this request to `address` (host:port)."""
    words = [
        "curl",
        "-s",
        "-i",
        *(["-H", f"Host: {probe.host}"] if probe.tls is None else _tls_options(address, probe)),
    ]
    for name, value in probe.headers:
        words += ["-H", f"{name}: {value}"]
    return shlex.join([*words, f"http://{address}{probe.path}" if probe.tls is None else probe.url])


def _tls_options(address: str, probe: Probe) -> list[str]:
    """The URL has the host, because curl takes the name for TLS from it; only the connection goes to `address`."""
    files = {"--cacert": probe.tls.ca, "--cert": probe.tls.certificate, "--key": probe.tls.key} if probe.tls else {}
    options = [word for name, file in files.items() if file for word in (name, file)]
    # curl leaves the default port out of Host, and a gateway's rules may have it.
    host = ["-H", f"Host: {probe.host}"] if probe.host.endswith(":443") else []
    return ["--connect-to", f"::{address}", *options, *host]
