"""Real HTTPRoutes: every Service of each is edited and restored byte for byte, or refused with a reason."""

import pytest

from gatewayctl.domain.routing import Change, Files
from gatewayctl.gateways.httproute.checker import HttpRouteChecker
from gatewayctl.gateways.registry import gateway
from tests.corpus.trying import check_outcome, open_corpus

pytestmark = pytest.mark.sandbox

CORPUS = open_corpus("httproute", gateway("httproute").dialect)
CHECKER = HttpRouteChecker()
# What may be refused, and why that is true of the file.
REFUSED = {
    "11-gke-mcg-header-routing-v1alpha1.yaml": "networking.x-k8s.io/v1alpha1: this version is gone",
}
LIKELY = {"sample-app"}  # a Service for a file that cannot be read


@pytest.mark.shows("httproute", "real files")
@pytest.mark.parametrize("name", CORPUS.names)
def test_a_real_route_is_edited_and_restored_or_truly_refused(name, table):
    files = CORPUS.read(name)

    def judge(after: Files, change: Change) -> str:
        assert CHECKER.check(files, after).ok
        return "".join(f"; {note}" for note in change.notes)

    services = {target.partition(":")[0] for target in CORPUS.targets(files)} or LIKELY
    rows = [CORPUS.try_edit(files, service, judge) for service in sorted(services)]

    table(name, rows)
    assert rows
    for row in rows:
        check_outcome(row, REFUSED.get(name))
