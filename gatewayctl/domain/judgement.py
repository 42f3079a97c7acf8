"""The judgement of what was tried: a verdict, and its reason for a person."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What the evidence says about the canary. CONFLICT: somebody else changed what the release works on."""

    PASS = "pass"  # noqa: S105 (not a password)
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    CONFLICT = "conflict"

    @property
    def mark(self) -> str:
        """The mark that heads its line."""
        match self:
            case Verdict.PASS:
                return "✓"
            case Verdict.INCONCLUSIVE:
                return "?"
            case _:
                return "✗"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason in one line; `build` is the digest of the image that was started, if known.

    `more`: the step goes on, and this is what it has found so far.
    """

    verdict: Verdict
    text: str
    build: str = ""
    more: bool = False


def fail(text: str) -> Judgement:
    """The canary is at fault."""
    return Judgement(Verdict.FAIL, text)


def unknown(text: str) -> Judgement:
    """Nobody can tell."""
    return Judgement(Verdict.INCONCLUSIVE, text)
