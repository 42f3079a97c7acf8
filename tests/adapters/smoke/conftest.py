"""A gateway, and functions that write and run a user's suites."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from gatewayctl.adapters.smoke.suites import ChildSuites
from gatewayctl.domain import trial
from gatewayctl.domain.load_result import LoadResult
from gatewayctl.domain.smoke import LoadRun, SuiteResult, SuiteRun
from tests.adapters.smoke.gateway import LoopbackGateway, run_gateway

Suite = Callable[..., SuiteResult]
Load = Callable[..., LoadResult]
Write = Callable[[str, str], Path]
EndsSoon = Callable[[Path], bool]

_LONG = 60.0  # seconds of load; a machine that needs more is not just busy


def _nothing(_text: str) -> None:
    """A tick that does nothing."""


@pytest.fixture
def gateway() -> Iterator[LoopbackGateway]:
    with run_gateway() as gateway:
        yield gateway


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a file of the user."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    return write


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """The folder for a run's files."""
    return tmp_path / "evidence"


@pytest.fixture
def run_suite(gateway: LoopbackGateway, write: Write, evidence: Path) -> Suite:
    """A function that runs a suite with the given content."""

    def run(text: str, tick: Callable[[str], None] = _nothing, pointer: str = "", **options) -> SuiteResult:
        path = write("suite/test_it.py", text)
        endpoints, folder = options.pop("endpoints", gateway.endpoints(pointer)), options.pop("folder", str(evidence))
        suite = trial.Suite(**{"path": str(path.parent), **options})
        return ChildSuites().test(SuiteRun(suite, endpoints, folder), tick)

    return run


@pytest.fixture
def run_load(gateway: LoopbackGateway, write: Write, evidence: Path) -> Load:
    """A function that runs a locustfile with the given content, until each version got `enough` requests."""

    def run(text: str, tick: Callable[[str], None] = _nothing, enough: int = 0, **options) -> LoadResult:
        path = write("locustfile.py", text)
        plain = {"users": 8, "spawn_rate": 100.0, "duration": 2.0, "endpoints": gateway.endpoints()}
        plain |= {"samples": enough, "max_duration": _LONG if enough else 0.0}
        return ChildSuites().load(LoadRun(**{"file": str(path), "folder": str(evidence), **plain, **options}), tick)

    return run


@pytest.fixture
def ends_soon() -> EndsSoon:
    """A function that says whether the process whose pid is in a file ends within ten seconds."""

    def ends_soon(file: Path) -> bool:
        pid, deadline = int(file.read_text()), time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 0)
                state = Path(f"/proc/{pid}/stat")
                with contextlib.suppress(OSError):
                    if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
                        return True
                time.sleep(0.02)
                continue
            return True
        return False

    return ends_soon
