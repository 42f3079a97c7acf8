"""Real VirtualServices: every Service of each is edited, also with a share, and restored byte for byte, or refused."""

from dataclasses import replace

import pytest

from gatewayctl.domain.routing import Change, Files
from gatewayctl.gateways.istio.checker import IstioChecker
from gatewayctl.gateways.registry import gateway
from tests.corpus.trying import check_outcome, edited_and_restored, open_corpus, rule_for

pytestmark = pytest.mark.sandbox

CORPUS = open_corpus("istio", gateway("istio").dialect)
CHECKER = IstioChecker()
# What may be refused, and why that is true of the file.
REFUSED = {"06-kubeflow-katib-helm.yaml": "it looks like a template"}
LIKELY = {"katib-ui"}  # a Service for a file that cannot be read


@pytest.mark.shows("istio", "real files")
@pytest.mark.parametrize("share", [0, 30])
@pytest.mark.parametrize("name", CORPUS.names)
def test_a_real_virtual_service_is_edited_and_restored_or_truly_refused(name, share, table):
    files = CORPUS.read(name)

    def judge(after: Files, change: Change) -> str:
        assert CHECKER.check(files, after).ok
        return "".join(f"; {note}" for note in change.notes)

    services = CORPUS.targets(files) or LIKELY
    rules = [replace(rule_for(service), share=share) for service in sorted(services)]
    rows = [edited_and_restored(CORPUS.dialect, files, rule, judge) for rule in rules]

    table(name, rows)
    assert rows
    for row in rows:
        check_outcome(row, REFUSED.get(name))
