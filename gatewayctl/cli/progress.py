"""Progress on stderr: a live line on a terminal, one plain line per event elsewhere."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayctl.domain.phases import row_of
from gatewayctl.domain.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

_LIVE: "list[Status]" = []  # the line of the terminal that is live now; a terminal has at most one
_BELOW = "\n" + " " * 12  # a further line of a text, below its first one
_COLOURS = {"✓": "green", "✗": "red", "?": "yellow"}


def make_console() -> "Console":
    """A console on stderr; colours and live lines only on a real terminal, whatever FORCE_COLOR says."""
    import sys

    from rich.console import Console

    terminal = sys.stderr.isatty()
    return Console(stderr=True, highlight=False, soft_wrap=True, force_terminal=terminal, force_interactive=terminal)


def end_live_line() -> None:
    """Give the terminal its cursor back, however the command ends."""
    while _LIVE:
        _LIVE.pop().stop()


@dataclass(slots=True)
class Progress:
    """ports.ProgressListener for people."""

    console: "Console"
    quiet_seconds: float = 0.0
    live: "Status | None" = None

    def title(self, text: str) -> None:
        """The first line of a job."""
        self.console.print(visible(text), markup=False)

    def started(self, step: str) -> None:
        """Show that a step is going on, where the line can be taken back."""
        if self.console.is_terminal:
            self._stop()
            self.live = self.console.status(self._row(_name(step), "…"), spinner="dots")
            _LIVE.append(self.live)
            self.live.start()

    def progress(self, step: str, text: str) -> None:
        """What a step is waiting for or doing."""
        if self.live:
            from rich.markup import escape

            self.live.update(escape(visible(self._row(_name(step), text))))

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        """One line per step; the time of a quiet phase is added to the line of the next phase."""
        self._stop()
        row = row_of(step)
        if row and row.quiet and mark == "✓":
            self.quiet_seconds += seconds
            return
        self.line(mark, _name(step), text, seconds + self.quiet_seconds)
        self.quiet_seconds = 0.0

    def line(self, mark: str, step: str, text: str, seconds: float | None = None) -> None:
        """One finished line."""
        from rich.text import Text

        took = f"{seconds:.1f} s" if seconds is not None else ""
        text = text.replace("\n", _BELOW)  # what others wrote must not look like a line of ours
        row = Text(visible(f"{mark} {step:<9} {text:<58} {took:>8}".rstrip()))
        row.stylize(_COLOURS.get(mark, ""), 0, 1)
        self.console.print(row)

    def relay(self, text: str) -> None:
        """A finished line that another process of gatewayctl has written."""
        from rich.text import Text

        row = Text(visible(text))
        row.stylize(_COLOURS.get(text[:1], ""), 0, 1)
        self.console.print(row)

    def _stop(self) -> None:
        if self.live:
            end_live_line()
            self.live = None

    def _row(self, step: str, text: str) -> str:
        return f"{step:<9} {text}"


def _name(step: str) -> str:
    """The step as a person sees it: two phases can be one."""
    row = row_of(step)
    return row.step if row else step
