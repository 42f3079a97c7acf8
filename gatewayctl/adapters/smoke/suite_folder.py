"""The folder in which a suite is run: the one in which its authors run it.

A suite opens files, writes logs and imports modules relative to this folder. Where gatewayctl was started says nothing
about it.
"""

from collections.abc import Sequence
from pathlib import Path

# Each file in which pytest looks for its configuration, with the start of a line that says it is there.
_CONFIGURATIONS = {
    "pytest.toml": "",
    ".pytest.toml": "",
    "pytest.ini": "",
    ".pytest.ini": "",
    "pyproject.toml": "[tool.pytest",
    "tox.ini": "[pytest]",
    "setup.cfg": "[tool:pytest]",
}
_OTHER_CONFIGURATION = ("-c", "--config-file", "--rootdir")


def find_folder(path: Path, args: Sequence[str]) -> Path:
    """The folder of the suite's own pytest configuration: that of `path`, or the next one above it that has one.

    It is the current folder if there is none, or if `args` name another configuration, relative to the current folder.
    """
    named = any(given.partition("=")[0] in _OTHER_CONFIGURATION for given in args)
    start = path.absolute()
    folders = () if named else (start, *start.parents)
    return next(filter(_has_configuration, folders), Path.cwd())


def _has_configuration(folder: Path) -> bool:
    return any(_has_line(folder / name, start) for name, start in _CONFIGURATIONS.items())


def _has_line(file: Path, start: str) -> bool:
    try:
        return file.is_file() and (not start or _some_line(file.read_text(errors="replace"), start))
    except OSError:  # pytest reports a file that it cannot read
        return False


def _some_line(text: str, start: str) -> bool:
    return any(line.startswith(start) for line in text.splitlines())
