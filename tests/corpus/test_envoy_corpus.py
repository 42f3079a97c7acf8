"""Real Envoy files: every service of each is edited and restored byte for byte, or refused with a reason."""

import os
import re
from pathlib import Path

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Change, Files, Header, SourceFile
from gatewayctl.gateways.envoy.checker import EnvoyChecker
from gatewayctl.gateways.registry import gateway
from tests.corpus.trying import Tried, edited_and_restored

pytestmark = pytest.mark.sandbox

CORPUS = os.environ.get("GATEWAYCTL_CORPUS", "")
if not CORPUS:
    pytest.skip("GATEWAYCTL_CORPUS is not set: no real configurations to try", allow_module_level=True)

FOLDER = Path(CORPUS) / "envoy"
DIALECT = gateway("envoy").dialect
CHECKER = EnvoyChecker()
HOST = "canary.example"
# What may be refused, and why that is true of the file.
REFUSED = {
    "01-otel-demo-frontend-proxy.tmpl.yaml": "is a placeholder",
    "02-eshop-webshopping-v2api.yaml": "v2 API",
    "14-xds-deep-dive-lds.yaml": "comes by RDS",
    "15-xds-deep-dive-cds.yaml": "there are no routes here",
}


def read(*names: str) -> Files:
    return tuple(SourceFile(name, (FOLDER / name).read_bytes().decode()) for name in names)


def services(files: Files) -> list[str]:
    """The upstreams of the files; where our own reading ends, what looks like one; then a name that may well be one."""
    try:
        found = {route.target for route in DIALECT.routes(files)}
    except Refused:
        found = set()
    for file in files:
        found |= set() if found else set(re.findall(r"^\s*cluster: (\S+)", file.text, re.MULTILINE))
    return sorted(found) or ["service_backend"]


def rule_for(service: str, host: str = "") -> CanaryRule:
    return CanaryRule("app", service, f"{service}-canary", Header("x-canary", "always"), "r-1", host)


def tried(files: Files, service: str, host: str = "") -> Tried:
    """One edit, and its way back, judged by Envoy before and after."""
    rule = rule_for(service, host)

    def judged(after: Files, _: Change) -> str:
        said = CHECKER.check(files, after)
        assert said.ok, said.detail
        assert said.checked, said.detail
        return f" ({said.detail})" if said.detail else ""

    return edited_and_restored(DIALECT, files, rule, judged)


@pytest.mark.shows("envoy", "real files")
@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_a_real_file_is_edited_and_restored_or_truly_refused(name, table):
    files = read(name)

    rows = [tried(files, service) for service in services(files)]

    table(name, rows)
    for row in rows:
        if name in REFUSED:
            assert REFUSED[name] in row.outcome
        else:
            assert row.routes > 0, row.outcome


def test_routes_and_clusters_of_one_gateway_are_edited_together(table):
    files = read("13-xds-deep-dive-rds.yaml", "14-xds-deep-dive-lds.yaml", "15-xds-deep-dive-cds.yaml")

    row = tried(files, "service_backend")
    change = DIALECT.insert(files, rule_for("service_backend"))

    table("13 + 14 + 15", [row])
    assert row.outcome == "edited and restored"
    assert [[file.name[:2] for file in stage] for stage in change.stages] == [["15"], ["13"]]
    assert change.notes == (
        "the canary's cluster asks EDS for the endpoints service_backend-canary: no file given holds them",
    )


def test_a_template_is_edited_and_restored_when_the_canarys_address_is_given(table):
    name = "01-otel-demo-frontend-proxy.tmpl.yaml"
    files = read(name)

    rows = [tried(files, service, HOST) for service in services(files)]

    table(name, rows)
    assert len(rows) == 11
    assert all(row.routes for row in rows)
