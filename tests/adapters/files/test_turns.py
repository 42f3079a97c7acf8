"""The line as a file: what the kernel knows of its processes, and files that nobody wrote so."""

import subprocess
import sys
from pathlib import Path

import pytest

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.files.turns import FileTurns
from gatewayctl.domain.errors import EnvironmentFailed

STAND = """
import sys
from pathlib import Path
from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.files.turns import FileTurns

print(FileTurns(Path(sys.argv[1]), SystemClock()).place("other", "r-other"), flush=True)
input()
"""


def test_a_process_that_is_killed_in_line_is_passed_over_at_once(tmp_path: Path) -> None:
    mine = FileTurns(tmp_path, SystemClock())
    with subprocess.Popen(
        [sys.executable, "-c", STAND, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "1\n"
        assert mine.has_line()
        assert mine.place("orders", "r-mine") == 2

        other.kill()
        other.wait()

    assert mine.place("orders", "r-mine") == 1
    mine.leave("r-mine")
    assert not mine.has_line()


@pytest.mark.parametrize("text", ["{}", '{"line": 7}', '{"line": [{}]}', '{"line": [{"ticket": {"x": 1}, "pid": 1}]}'])
def test_a_file_that_is_no_line_is_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "turns").mkdir()
    (tmp_path / "turns" / "line.json").write_text(text)

    assert FileTurns(tmp_path, SystemClock()).place("orders", "r-mine") == 1


def test_a_file_that_cannot_be_read_is_an_error_that_turns_may_raise(tmp_path: Path) -> None:
    (tmp_path / "turns").mkdir()
    (tmp_path / "turns" / "line.json").write_text("no JSON")

    with pytest.raises(EnvironmentFailed, match=r"line\.json"):
        FileTurns(tmp_path, SystemClock()).has_line()
