"""How the sandbox starts nginx as a gateway replica."""

import re
import signal
from collections.abc import Mapping
from pathlib import Path

from gatewayctl.adapters.sandbox.product import Launch, SandboxProduct
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.gateways.nginx.checker import find_nginx

_OWN = re.compile(r"^[ \t]*(daemon|pid)\s", re.MULTILINE)


def program() -> Path:
    """The nginx binary. Raises EnvironmentFailed when it is not installed."""
    path = find_nginx()
    if not path:
        raise EnvironmentFailed(
            "the sandbox needs a real nginx, and there is none on PATH or in /usr/sbin",
            hint="install it, for example: apt-get install nginx-light",
        )
    return Path(path)


def command(launch: Launch) -> tuple[str, ...]:
    """The command line of one replica: in the foreground, with its pid file in its own folder."""
    folder = launch.bootstrap.parent
    set_already = set(_OWN.findall(launch.bootstrap.read_text(encoding="utf-8")))
    own = {"daemon": "daemon off;", "pid": f"pid {folder}/nginx.pid;"}
    globals_ = " ".join(text for name, text in own.items() if name not in set_already)
    start = (str(program()), "-p", str(folder), "-c", str(launch.bootstrap), "-e", "stderr")
    return (*start, "-g", globals_) if globals_ else start


def replace_names(text: str, names: Mapping[str, str], beside: str) -> str:
    """`text` with the addresses of Services in place of the names that nginx would resolve.

    nginx resolves names with the machine's resolver, which does not know the sandbox's Services. The name of an
    upstream is not resolved, so it stays; `beside` is the text of all files, in which upstreams are defined.
    """
    for name, address in names.items():
        host = rf"{re.escape(name)}(\.[a-z0-9.-]+)?(?=[:/;\s])"
        text = re.sub(rf"(^|[\s{{;])(server\s+){host}", rf"\g<1>\g<2>{address}", text)
        if not re.search(rf"(^|[\s{{;}}])upstream\s+{re.escape(name)}[\s{{]", beside):
            text = re.sub(rf"(?<=://){host}", address, text)
    return text


# On SIGTERM the master ends its workers; on SIGKILL it would leave them behind.
PRODUCT = SandboxProduct("nginx.conf", "", program, command, replace_names, stop_signal=signal.SIGTERM)
