"""What the corpus is run for: a table of what became of each service of each file."""

import pytest

from tests.corpus.trying import Tried


@pytest.fixture
def table(capsys):
    """Prints what became of each service, captured output or not."""

    def write(name: str, rows: list[Tried]) -> None:
        with capsys.disabled():
            for row in rows:
                print(f"\n{name:40.40} {row.service:30.30} {row.routes:3} routes  {row.outcome}", end="")  # noqa: T201

    return write
