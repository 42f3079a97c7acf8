"""How the sandbox starts nginx as a gateway replica."""

import re
import signal
from collections.abc import Mapping
from pathlib import Path

from gatewayctl.adapters.sandbox.product import Launch, SandboxProduct
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.gateways.nginx.checker import find_nginx

_SYSTEM = Path("/etc/nginx")  # where packages put mime.types and the like
_INCLUDE = re.compile(r"(?:^|[\s{;])include\s+[\"']?([^\s;\"']+)")
_ANY_ADDRESS = re.compile(r"(^|[\s{;])(listen\s+)(?:\*:)?(\d+)(?=[\s;])")
_ANY_ADDRESS_6 = re.compile(r"(^|[\s{;])listen\s+\[::\]:\d[^;{}\n]*;")
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
    return _with_addresses(text)


def _with_addresses(text: str) -> str:
    """`text` with `0.0.0.0`, which becomes the replica's own address, where a port is listened on at every address.

    The replicas share one machine. They have no IPv6 addresses, so such a `listen` is left out.
    """
    return _ANY_ADDRESS.sub(r"\g<1>\g<2>0.0.0.0:\g<3>", _ANY_ADDRESS_6.sub(r"\g<1>", text))


def find_includes(text: str, beside: Path) -> dict[str, str]:
    """The files that `text` includes by a relative path, and those that they include: text by path.

    nginx looks for them beside its start-up file. They are in the folder `beside`, or in that of the installed nginx.
    """
    found: dict[str, str] = {}
    texts = [text]
    while texts:
        for pattern in _INCLUDE.findall(texts.pop()):
            if pattern.startswith(("/", "$")) or ".." in Path(pattern).parts:
                continue
            folder = next((one for one in (beside, _SYSTEM) if next(one.glob(pattern), None)), None)
            for path in sorted(folder.glob(pattern)) if folder else ():
                name = str(path.relative_to(folder)) if folder else ""
                if path.is_file() and name not in found:
                    found[name] = path.read_text(encoding="utf-8", errors="replace")
                    texts.append(found[name])
    return found


# On SIGTERM the master ends its workers; on SIGKILL it would leave them behind.
PRODUCT = SandboxProduct(
    "nginx.conf", "", program, command, replace_names, stop_signal=signal.SIGTERM, find_includes=find_includes
)
