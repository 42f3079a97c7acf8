"""Real Envoy files: every service of each is edited and restored byte for byte, or refused with a reason."""

import re

import pytest

from gatewayctl.domain.routing import Files
from gatewayctl.gateways.envoy.checker import EnvoyChecker
from gatewayctl.gateways.registry import gateway
from tests.corpus.trying import Tried, check_outcome, judge_with, open_corpus, rule_for

pytestmark = pytest.mark.sandbox

CORPUS = open_corpus("envoy", gateway("envoy").dialect)
CHECKER = EnvoyChecker()
HOST = "canary.example"
# What may be refused, and why that is true of the file.
REFUSED = {
    "01-otel-demo-frontend-proxy.tmpl.yaml": "is a placeholder",
    "02-eshop-webshopping-v2api.yaml": "v2 API",
    "14-xds-deep-dive-lds.yaml": "comes by RDS",
    "15-xds-deep-dive-cds.yaml": "there are no routes here",
}
_CLUSTER = re.compile(r"^\s*cluster: (\S+)", re.MULTILINE)


def find_services(files: Files) -> list[str]:
    """The upstreams of the files; if our dialect finds none, what looks like one; then a name that may be one."""
    named = {route.target for route in CORPUS.dialect.routes(files)} if CORPUS.targets(files) else set()
    likely = {name for file in files for name in _CLUSTER.findall(file.text)}
    return sorted(named or likely) or ["service_backend"]


def try_edit(files: Files, service: str, host: str = "") -> Tried:
    """One edit and its removal, checked by Envoy."""
    return CORPUS.try_edit(files, service, judge_with(CHECKER, files), host)


@pytest.mark.shows("envoy", "real files")
@pytest.mark.parametrize("name", CORPUS.names)
def test_a_real_file_is_edited_and_restored_or_truly_refused(name, table):
    files = CORPUS.read(name)

    rows = [try_edit(files, service) for service in find_services(files)]

    table(name, rows)
    for row in rows:
        check_outcome(row, REFUSED.get(name))


def test_routes_and_clusters_of_one_gateway_are_edited_together(table):
    files = CORPUS.read("13-xds-deep-dive-rds.yaml", "14-xds-deep-dive-lds.yaml", "15-xds-deep-dive-cds.yaml")

    row = try_edit(files, "service_backend")
    change = CORPUS.dialect.insert(files, rule_for("service_backend"))

    table("13 + 14 + 15", [row])
    assert row.outcome == "edited and restored"
    assert [[file.name[:2] for file in stage] for stage in change.stages] == [["15"], ["13"]]
    assert change.notes == (
        "the canary's cluster asks EDS for the endpoints service_backend-canary: no file given holds them",
    )


def test_a_template_is_edited_and_restored_when_the_canarys_address_is_given(table):
    name = "01-otel-demo-frontend-proxy.tmpl.yaml"
    files = CORPUS.read(name)

    rows = [try_edit(files, service, HOST) for service in find_services(files)]

    table(name, rows)
    assert len(rows) == 11
    assert all(row.routes for row in rows)
