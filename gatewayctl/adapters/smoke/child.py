"""Runs a program of the user's in a process group of its own, and never leaves any of it behind.

Suites are foreign code: they hang, fork and swallow signals. So the group is ended as a whole, whatever happens here:
the normal end, a deadline, a tick that raises, Ctrl-C. Our own death is seen by the leash (see leash.py).
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.smoke import ERRAND_VARIABLE, Entrance, Errand

_LEASH = Path(__file__).with_name("leash.py")
_POLL = 0.1  # seconds between two looks at the child
_PATIENCE = 2.0  # seconds from the request to end until the kill
_LONGEST_LINE = 65536
_LAST_WORDS = 4096  # bytes of output in which the last line is looked for


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: arguments of this Python, its errand, the file for its output, how long it may take (seconds)."""

    arguments: tuple[str, ...]
    errand: Errand
    log: Path
    timeout: float


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: its exit code or minus the signal, after how many seconds, and whether it had to be stopped."""

    exit_code: int
    seconds: float
    timed_out: bool


def run(program: Program, watch: Callable[[], None]) -> Ended:
    """Run a program to its end or its deadline; `watch` is called several times a second and may raise to stop it.

    Raises EnvironmentFailed when the folder for its files cannot be written.
    """
    started = time.monotonic()
    with _errand_file(program) as errand, program.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LEASH), sys.executable, *program.arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(program.errand.entrance, errand),
            process_group=0,
        )
        with _ended_at_last(process):
            timed_out = not _awaited(process, watch, started + program.timeout)
        code = process.returncode
    return Ended(128 - code if code > 128 else code, time.monotonic() - started, timed_out)


def _awaited(process: subprocess.Popen[bytes], watch: Callable[[], None], deadline: float) -> bool:
    """Whether it ended before the deadline."""
    while process.poll() is None:
        watch()
        if time.monotonic() >= deadline:
            return False
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL)
    watch()
    return True


@contextlib.contextmanager
def _ended_at_last(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever happens inside, nothing of the process group is left afterwards."""
    try:
        try:
            yield
        finally:
            if process.poll() is None:
                _signal(process, signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE)
    finally:
        # Also after a normal end: what the suite started and forgot is still in the group.
        _signal(process, signal.SIGKILL)
        process.wait()
        if process.stdin:
            process.stdin.close()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextlib.contextmanager
def _errand_file(program: Program) -> Iterator[Path]:
    """The errand in a file that only we and the child can read, and that does not outlive the run."""
    path = program.log.with_name("context.json")
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(program.errand.to_json())
    except OSError as error:
        raise EnvironmentFailed(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _environment(entrance: Entrance, errand: Path) -> dict[str, str]:
    """What test files that know nothing of us can go by; a proxy must not come between them and the replicas."""
    around = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST_")}
    around.pop("PYTEST_CURRENT_TEST", None)
    hosts = {urlsplit(url).hostname or "" for url in entrance.urls}
    direct = ",".join(filter(None, [around.get("NO_PROXY") or around.get("no_proxy"), *sorted(hosts)]))
    return around | {
        ERRAND_VARIABLE: str(errand),
        "BASE_URL": entrance.urls[0],
        "GATEWAYCTL_BASE_URL": entrance.urls[0],
        "GATEWAYCTL_HOST": entrance.host,
        "GATEWAYCTL_HEADER_NAME": entrance.header.name,
        "GATEWAYCTL_HEADER_VALUE": entrance.header.value,
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


def fresh_folder(folder: str, names: tuple[str, ...]) -> Path:
    """The folder for a run's files, absolute, without those that an earlier run left under these names.

    Raises EnvironmentFailed when it cannot be written.
    """
    path = Path(folder).absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name in names:
            (path / name).unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentFailed(f"{path} cannot be written: {error.strerror}") from error
    return path


class Events:
    """The JSON lines that a child appends to a file, each handed out once; what is not one of ours is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> Iterator[Mapping[str, Any]]:
        """The complete lines since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                event = self._event(line)
                if event is not None:
                    yield event

    @staticmethod
    def _event(line: bytes) -> Mapping[str, Any] | None:
        if len(line) > _LONGEST_LINE:
            return None
        try:
            event = parse_json(line)
        except ValueError:
            return None
        return event if isinstance(event, dict) else None


def last_words(log: Path) -> tuple[str, ...]:
    """The last line of a program's output that says something, if there is one."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST_WORDS))
        lines = file.read().decode(errors="replace").splitlines()
    return tuple(line.strip()[:300] for line in reversed(lines) if line.strip())[:1]
