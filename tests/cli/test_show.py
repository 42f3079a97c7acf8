"""What is printed for people: hostile names, answers and outputs do nothing to a terminal, on any of its ways."""

import ast
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

import gatewayctl.cli
from gatewayctl.cli.options import Output
from gatewayctl.cli.progress import Progress
from gatewayctl.cli.show import show, tell
from gatewayctl.domain.visible import visible

PAYLOAD = "\x1b[2J\x9b1A\u202e[bold red]../../etc/passwd $(touch x) <script>\r!"
FORGED = "a test failed\n✓ promote   orders runs it"


@dataclass(frozen=True)
class Answered:
    """A report that repeats what others wrote."""

    def data(self) -> dict[str, object]:
        return {PAYLOAD: PAYLOAD}

    def text(self) -> str:
        return f"answered by {PAYLOAD}!"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(shown: io.StringIO) -> Progress:
    return Progress(Console(file=shown, highlight=False, soft_wrap=True))


@pytest.mark.parametrize("way", ["title", "line", "ended", "relay"])
def test_progress_shows_hostile_text_and_does_not_obey_it(way, progress, shown):
    {
        "title": lambda: progress.title(PAYLOAD),
        "line": lambda: progress.line("✗", "smoke", PAYLOAD),
        "ended": lambda: progress.ended("smoke", "✗", PAYLOAD, 1.0),
        "relay": lambda: progress.relay(PAYLOAD),
    }[way]()

    assert visible(PAYLOAD) in shown.getvalue()
    assert "\x1b" not in shown.getvalue()


def test_a_live_line_shows_hostile_text_and_does_not_obey_it(shown):
    live = Progress(Console(file=shown, highlight=False, soft_wrap=True, force_terminal=True, width=200))
    live.started("smoke")
    assert live.live
    live.progress("smoke", PAYLOAD)

    status = live.live.status
    live.ended("smoke", "✓", "passed", 1.0)

    assert "\\x1b[2J" in str(status)
    assert "\x1b" not in str(status)


def test_a_further_line_of_a_text_does_not_look_like_a_line_of_ours(progress, shown):
    progress.line("✗", "smoke", FORGED)

    assert [line[:1] for line in shown.getvalue().splitlines()] == ["✗", " "]


@pytest.mark.parametrize("output", list(Output))
def test_a_result_shows_hostile_text_and_does_not_obey_it(output, capsys):
    show(output, Answered())

    printed = capsys.readouterr().out
    assert visible(printed) == printed
    if output is Output.JSON:
        assert json.loads(printed) == {PAYLOAD: PAYLOAD}


def test_a_patch_keeps_every_character_for_a_program_and_none_for_a_terminal(capsys, monkeypatch):
    show(Output.TEXT, Answered(), is_patch=True)
    assert PAYLOAD in capsys.readouterr().out

    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    show(Output.TEXT, Answered(), is_patch=True)
    assert visible(PAYLOAD) in terminal.getvalue()


def test_other_lines_on_stderr_show_hostile_text_too(capsys):
    tell(PAYLOAD)

    assert capsys.readouterr().err == visible(PAYLOAD) + "\n"


def test_nothing_is_printed_anywhere_else():
    prints = {
        path.name
        for path in Path(gatewayctl.cli.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"print", "echo", "secho"}
    }

    # app.py prints one JSON document in ASCII; what load_part.py prints is read by the process that started it.
    assert prints == {"show.py", "progress.py", "app.py", "load_part.py"}
