"""What a release would write, as values: shown before anything is written, and held against reality later."""

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
    """The release, what it does step by step, every write it makes, and the reality it was made from."""

    release: Release
    steps: tuple[str, ...]
    diffs: tuple[Diff, ...]
    basis: tuple[tuple[str, str], ...]


def unified(before: str, after: str, was: str, becomes: str) -> str:
    """A unified diff of two texts that `patch` takes, line ends kept; `was` and `becomes` head its two sides."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), was, becomes)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
