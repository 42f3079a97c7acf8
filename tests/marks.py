"""Marks that choose what `make test` runs of many cases of one kind."""

from collections.abc import Iterable

import pytest


def keep(cases: Iterable[str], *kept: str) -> "list[pytest.ParameterSet]":
    """All cases; `make test` runs those that are `kept`, `make e2e-all` the others too."""
    found = [pytest.param(case, marks=[] if case in kept else [pytest.mark.all]) for case in cases]
    assert sum(not one.marks for one in found) == len(kept), f"{kept} are not all among the cases"
    return found
