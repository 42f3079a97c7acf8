"""What a release would write, as values: shown before anything is written, and compared with the cluster later."""

import difflib
from dataclasses import dataclass

from gatewayctl.domain.release import Release


@dataclass(frozen=True, slots=True)
class Diff:
    """One object or file as it is and as it will be, as a unified diff."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The release, its steps in words, and every write it makes.

    `basis` is what the plan was made from: the name of each object or file, and its state at that time. `notes` are
    what people should know about the rule.
    """

    release: Release
    steps: tuple[str, ...]
    diffs: tuple[Diff, ...]
    basis: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


def unified_diff(before: str, after: str, was: str, becomes: str) -> str:
    """A unified diff that `patch` accepts, line ends kept; `was` and `becomes` are the names of its two sides."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), was, becomes)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
