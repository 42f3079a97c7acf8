"""What a release would write, as values: shown before anything is written, and held against reality later."""

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
