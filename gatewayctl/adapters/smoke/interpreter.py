"""The Python that runs a suite: gatewayctl's own, or the one of the team, with its own pytest, plugins and libraries.

Nothing is installed there. A folder of ours on PYTHONPATH (child_process/bootstrap) gives every Python of the suite the
package `gatewayctl` and nothing else: all of our site-packages would hide the team's own libraries.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import gatewayctl
from gatewayctl.domain.errors import EnvironmentFailed, UsageFault
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.smoke import SuiteSettings

BOOTSTRAP = Path(gatewayctl.__file__).parent / "child_process" / "bootstrap"
_OLDEST = (3, 11)  # what the modules need that run inside the suite
_OLDEST_PYTEST = 7
_PATIENCE = 60.0  # seconds; a Python on a slow disk takes a few
# Every Python since 2.6 can run this.
_QUESTION = """
import json, sys
found = {"python": list(sys.version_info[:2])}
for name in ("pytest", "pytest_rerunfailures"):
    try:
        found[name] = str(getattr(__import__(name), "__version__", "0"))
    except ImportError:
        pass
sys.stdout.write("\\n" + json.dumps(found) + "\\n")
"""
_MISSING = re.compile(
    r"No module named '?[\w.]+|unrecognized arguments: |Missing required plugins: |fixture '\w+' not found"
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python: its program, and all variables that a suite gets there."""

    program: str
    variables: Mapping[str, str] = field(repr=False)


def interpreter(python: str, names: tuple[str, ...], settings: SuiteSettings) -> Interpreter:
    """The Python `python` (a program or a virtual environment's folder; empty: ours), with the variables `names`.

    Raises EnvironmentFailed when a variable has no value here, UsageFault when there is no such Python.
    """
    program = _find_program(python, settings) if python else sys.executable
    variables = {**os.environ, **(_as_activated(program) if python else {}), **_read_values(names, settings)}
    # Ours comes first; the folders that the user names follow. A relative one is seen from here, not from the suite.
    named = filter(None, variables.get("PYTHONPATH", "").split(os.pathsep))
    paths = [str(BOOTSTRAP), *(str(Path(name).absolute()) for name in named)]
    return Interpreter(program, {**variables, "PYTHONPATH": os.pathsep.join(paths)})


def _find_program(python: str, settings: SuiteSettings) -> str:
    path = Path(python)
    if path.is_dir():
        path = path / "bin" / "python"
    if not path.exists():
        place = settings.place("python")
        raise UsageFault(
            f"{place}: {path} does not exist",
            hint="name the Python of your suite's virtual environment, such as .venv/bin/python",
        )
    if not os.access(path, os.X_OK):
        raise UsageFault(f"{settings.place('python')}: {path} is no program that can be run")
    return os.path.abspath(path)  # noqa: PTH100 (links stay)


def _as_activated(program: str) -> dict[str, str]:
    """What the environment's `activate` sets: programs that tests start by name are found there."""
    folder = Path(program).parent
    found = {"PATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PATH")]))}
    return found | ({"VIRTUAL_ENV": str(folder.parent)} if (folder.parent / "pyvenv.cfg").exists() else {})


def _read_values(names: tuple[str, ...], settings: SuiteSettings) -> dict[str, str]:
    """The values of the variables: from the configuration, or else from the environment of this process."""
    given = {**os.environ, **settings.variables}
    missing = [name for name in names if name not in given]
    if missing:
        raise EnvironmentFailed(
            f"{settings.place('env')}: {', '.join(missing)} has no value here",
            hint=f"no journal keeps the value: export {' '.join(missing)}, or name the gatewayctl.yaml that has it",
        )
    return {name: given[name] for name in names}


@dataclass(frozen=True, slots=True)
class _Versions:
    """What a Python said of itself; empty texts for what it does not have."""

    python: tuple[int, ...]
    pytest: str
    rerunfailures: str


def inspect(found: Interpreter, reruns: int, settings: SuiteSettings) -> str:
    """Which Python and which pytest it has, for a person. Raises UsageFault when a suite cannot be run with it."""
    has, place = _ask(found, settings), settings.place("python")
    python = _dotted(has.python)
    if has.python < _OLDEST:
        raise UsageFault(
            f"{place}: {found.program} is Python {python}, and suites need {_dotted(_OLDEST)} or newer",
            hint="make the virtual environment of the suite with a newer Python",
        )
    if not has.pytest:
        raise UsageFault(
            f"{place}: {found.program} has no pytest", hint=f"install it there: {found.program} -m pip install pytest"
        )
    if int(has.pytest.partition(".")[0]) < _OLDEST_PYTEST:
        raise UsageFault(f"{place}: {found.program} has pytest {has.pytest}, and suites need {_OLDEST_PYTEST} or newer")
    if reruns and not has.rerunfailures:
        raise UsageFault(
            f"{settings.place('reruns')}: {found.program} has no pytest-rerunfailures, which runs tests again",
            hint=f"install it there: {found.program} -m pip install pytest-rerunfailures",
        )
    return f"{found.program}: Python {python}, pytest {has.pytest}"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _ask(found: Interpreter, settings: SuiteSettings) -> _Versions:
    command, variables = [found.program, "-c", _QUESTION], dict(found.variables)
    try:
        done = subprocess.run(command, env=variables, capture_output=True, timeout=_PATIENCE, stdin=subprocess.DEVNULL)
        answer = parse_json(done.stdout.splitlines()[-1])
        return _Versions(
            tuple(map(int, answer["python"])), answer.get("pytest", ""), answer.get("pytest_rerunfailures", "")
        )
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError) as fault:
        raise UsageFault(f"{settings.place('python')}: {found.program} does not work as a Python") from fault


def explain_missing(reason: str, python: str) -> str:
    """The reason of a failure, with what to do when it is about a library or plugin that is not there."""
    if not _MISSING.search(reason):
        return reason
    if python:
        return f"{reason} (the suite runs with smoke.pytest.python, {python}: install it there)"
    return f"{reason} (the suite runs with gatewayctl's own Python: name your suite's by smoke.pytest.python)"
