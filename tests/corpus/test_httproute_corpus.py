"""Real HTTPRoutes: every Service of each is edited and restored byte for byte, or refused with a reason."""

import os
from pathlib import Path

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Change, Files, Header, SourceFile
from gatewayctl.gateways.httproute.checker import HttpRouteChecker
from gatewayctl.gateways.registry import gateway
from tests.corpus.trying import Tried, edited_and_restored

pytestmark = pytest.mark.sandbox

CORPUS = os.environ.get("GATEWAYCTL_CORPUS", "")
if not CORPUS:
    pytest.skip("GATEWAYCTL_CORPUS is not set: no real configurations to try", allow_module_level=True)

FOLDER = Path(CORPUS) / "httproute"
DIALECT = gateway("httproute").dialect
CHECKER = HttpRouteChecker()
# What may be refused, and why that is true of the file.
REFUSED = {
    "11-gke-mcg-header-routing-v1alpha1.yaml": "networking.x-k8s.io/v1alpha1: this version is gone",
}


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

    def judged(after: Files, change: Change) -> str:
        assert CHECKER.check(files, after).ok
        return "".join(f"; {note}" for note in change.notes)

    return edited_and_restored(DIALECT, files, rule, judged)


@pytest.mark.shows("httproute", "real files")
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
            assert row.routes > 0, row.outcome
