"""Marks that choose what `make test` runs of many cases of one kind."""

from collections.abc import Iterable
from pathlib import Path

import pytest

# What make test leaves to make e2e: it starts hundreds of processes, or plays for minutes.
_WHOLE = ("adapters/smoke", "sandbox", "simulation/test_mutations.py")
_TESTS = Path(__file__).parent


def is_whole(file: Path) -> bool:
    """Whether the tests of a file have the mark `whole`, all of them."""
    return any(file.is_relative_to(_TESTS / name) for name in _WHOLE)


def keep(cases: Iterable[str], *kept: str) -> "list[pytest.ParameterSet]":
    """All cases; `make test` runs those that are `kept`, `make e2e-all` the others too."""
    found = [pytest.param(case, marks=[] if case in kept else [pytest.mark.all]) for case in cases]
    assert sum(not one.marks for one in found) == len(kept), f"{kept} are not all among the cases"
    return found
