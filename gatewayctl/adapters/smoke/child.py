"""Runs a user's program, and ends it and every process that it started afterwards.

Suites are foreign code: they hang, start processes and ignore signals. So everything is always ended: after a normal
end, at a deadline, when a tick raises, on Ctrl-C. The reaper does it, also if this process is killed (see
process_reaper.py).
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from gatewayctl.adapters.files.locking import unreadable, unwritable
from gatewayctl.child_process import present_test
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.smoke import RUN_CONTEXT_VARIABLE, RunContext

_REAPER = Path(__file__).with_name("process_reaper.py")
_PERIOD = 0.1  # seconds between two checks of the child
_GRACE = 10.0  # seconds from SIGTERM to SIGKILL; a busy machine takes some to write the JUnit file
_REAPING = 10.0  # seconds; the reaper gives up on what cannot be killed after five
_LONGEST_LINE = 65536
_CA = "GATEWAYCTL_CA"
_LINES_OF_ERROR = 3  # of argparse: locust adds a hint below, pytest the folder and its file of settings
_ARGPARSE_ERROR = ": error: "
_LONGEST_REASON = 300
_LOG_TAIL = 4096  # bytes at the end of the output in which the last line is searched


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: arguments for a Python, the run context, the file for its output, and a timeout in seconds.

    `python` is the Python, `variables` what the program inherits, which may hold secrets. `folder` is where it starts;
    without it: the current folder.
    """

    arguments: tuple[str, ...]
    run_context: RunContext
    log: Path
    timeout: float
    python: str = sys.executable
    folder: Path | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)


@dataclass(frozen=True, slots=True)
class ProgramExit:
    """How a program ended. `exit_code` is minus the signal's number if one killed it; `timed_out`: it was stopped."""

    exit_code: int
    seconds: float
    timed_out: bool


def run_program(program: Program, watch: Callable[[], None]) -> ProgramExit:
    """Run a program until it ends or its timeout is over. `watch` is called ten times a second; it may raise to stop.

    Raises EnvironmentFailed when the folder for its files cannot be written.
    """
    started = time.monotonic()
    with _write_run_context(program) as context_file, _open_log(program.log) as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_REAPER), program.python, *program.arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_build_environment(program, context_file),
            process_group=0,
            cwd=program.folder,
        )
        with _end_all_afterwards(process):
            in_time = _wait_for_end(process, watch, started + program.timeout)
        code = process.returncode
    return ProgramExit(128 - code if code > 128 else code, time.monotonic() - started, timed_out=not in_time)


def _open_log(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise unwritable(path, error) from error


def _wait_for_end(process: subprocess.Popen[bytes], watch: Callable[[], None], deadline: float) -> bool:
    """Call `watch` until the process ends; False when the deadline comes first."""
    while process.poll() is None:
        watch()
        if time.monotonic() >= deadline:
            return False
        _wait(process, _PERIOD)
    watch()
    return True


@contextlib.contextmanager
def _end_all_afterwards(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the program and all that it started when the block ends, also after an exception: SIGTERM, then SIGKILL."""
    try:
        try:
            yield
        finally:
            if process.poll() is None:
                _signal_group(process, signal.SIGTERM)
                _wait(process, _GRACE)
    finally:
        # At the end of its input the reaper kills what is left, also processes that have left the group.
        if process.stdin:
            process.stdin.close()
        _wait(process, _REAPING)
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextlib.contextmanager
def _write_run_context(program: Program) -> Iterator[Path]:
    """The path of a file with the run context, which only this user can read; removed when the block ends."""
    path = program.log.with_name("context.json")
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(program.run_context.to_json())
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _build_environment(program: Program, context_file: Path) -> dict[str, str]:
    """The child's variables: addresses and header for any suite, and no proxy between it and the replicas."""
    endpoints = program.run_context.endpoints
    inherited = {name: value for name, value in program.variables.items() if not name.startswith("PYTEST_XDIST_")}
    for name in (*present_test.VARIABLES, _CA):  # of a test that started this gatewayctl
        inherited.pop(name, None)
    authority = endpoints.tls.ca if endpoints.tls else ""
    hosts = {urlsplit(url).hostname or "" for url in (endpoints.base_url, *endpoints.urls)}
    direct = ",".join(filter(None, [inherited.get("NO_PROXY") or inherited.get("no_proxy"), *sorted(hosts)]))
    return (
        inherited
        | ({_CA: authority} if authority else {})
        | {
            RUN_CONTEXT_VARIABLE: str(context_file),
            "BASE_URL": endpoints.base_url,
            "GATEWAYCTL_BASE_URL": endpoints.base_url,
            "GATEWAYCTL_URLS": " ".join(endpoints.urls),
            "GATEWAYCTL_HOST": endpoints.host,
            "GATEWAYCTL_HEADER_NAME": endpoints.header.name,
            "GATEWAYCTL_HEADER_VALUE": endpoints.header.value,
            "NO_PROXY": direct,
            "no_proxy": direct,
        }
    )


def prepare_folder(folder: str, names: tuple[str, ...]) -> Path:
    """Make `folder`, remove files of these names that an earlier run left in it, and return its absolute path.

    Raises EnvironmentFailed when it cannot be written.
    """
    path = Path(folder).absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name in names:
            (path / name).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    return path


class EventReader:
    """Reads the JSON objects that a child appends to a file, one a line, each once. Other lines are skipped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read_new(self) -> Iterator[Mapping[str, Any]]:
        """The objects of complete lines that were added since the last call. Raises EnvironmentFailed."""
        if not self._path.exists():
            return
        with _open_to_read(self._path) as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                event = self._parse(line)
                if event is not None:
                    yield event

    @staticmethod
    def _parse(line: bytes) -> Mapping[str, Any] | None:
        if len(line) > _LONGEST_LINE:
            return None
        try:
            event = parse_json(line)
        except ValueError:
            return None
        return event if isinstance(event, dict) else None


def read_last_line(log: Path) -> tuple[str, ...]:
    """The last line of a program's output that is not empty, shortened; no line when there is none.

    If argparse refused the arguments, its error is there, too: what follows it is only a hint or a place.

    Raises EnvironmentFailed when it cannot be read.
    """
    with _open_to_read(log) as file:
        file.seek(max(0, log.stat().st_size - _LOG_TAIL))
        lines = file.read().decode(errors="replace").splitlines()
    last = [line.strip() for line in lines if line.strip()][-_LINES_OF_ERROR:]
    start = next((place for place, line in enumerate(last) if _ARGPARSE_ERROR in line), len(last) - 1)
    return (" ".join(last[start:])[:_LONGEST_REASON],) if last else ()


def _open_to_read(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error
