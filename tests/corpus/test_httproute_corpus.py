"""Real HTTPRoutes: every Service of each is edited and restored byte for byte, or refused with a reason."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile
from gatewayctl.gateways.httproute.checker import HttpRouteChecker
from gatewayctl.gateways.httproute.dialect import HttpRouteDialect

pytestmark = pytest.mark.sandbox

CORPUS = os.environ.get("GATEWAYCTL_CORPUS", "")
if not CORPUS:
    pytest.skip("GATEWAYCTL_CORPUS is not set: no real configurations to try", allow_module_level=True)

FOLDER = Path(CORPUS) / "httproute"
DIALECT = HttpRouteDialect()
CHECKER = HttpRouteChecker()
# What may be refused, and why that is true of the file.
REFUSED = {
    "11-gke-mcg-header-routing-v1alpha1.yaml": "networking.x-k8s.io/v1alpha1: this version is gone",
}


@dataclass(frozen=True)
class Tried:
    """What became of one Service of one file."""

    service: str
    rules: int
    outcome: str


def read(name: str) -> Files:
    return (SourceFile(name, (FOLDER / name).read_bytes().decode()),)


def services(files: Files) -> list[str]:
    """The Services of the files; a likely name where our own reading ends."""
    try:
        views = DIALECT.routes(files)
    except Refused:
        return ["sample-app"]
    return sorted({target.partition(":")[0] for view in views for target in view.target.split()})


def tried(files: Files, service: str) -> Tried:
    """One edit, and its way back."""
    rule = CanaryRule("app", service, f"{service}-canary", Header("x-canary", "always"), "r-1")
    try:
        change = DIALECT.insert(files, rule)
    except Refused as why:
        return Tried(service, 0, f"refused: {why}")
    after = change.apply(files)
    assert after != files
    assert CHECKER.check(files, after).ok
    assert DIALECT.insert(after, rule).stages == ()
    assert DIALECT.remove(after, "app").apply(after) == files
    return Tried(service, len(change.covered), "; ".join(("edited and restored", *change.notes)))


@pytest.fixture
def table(capsys):
    """Prints what became of each Service, captured output or not: this is what the corpus is run for."""

    def write(name: str, rows: list[Tried]) -> None:
        with capsys.disabled():
            for row in rows:
                print(f"\n{name:40.40} {row.service:20.20} {row.rules:3} rules  {row.outcome}", end="")  # noqa: T201

    return write


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_a_real_route_is_edited_and_restored_or_truly_refused(name, table):
    files = read(name)

    rows = [tried(files, service) for service in services(files)]

    table(name, rows)
    assert rows
    for row in rows:
        if name in REFUSED:
            assert REFUSED[name] in row.outcome
        else:
            assert row.rules > 0, row.outcome
