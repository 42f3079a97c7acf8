"""Real nginx files: every service of each is edited and restored byte for byte, or refused with a reason."""

import pytest

from gatewayctl.gateways.nginx.checker import NginxChecker
from gatewayctl.gateways.registry import gateway
from tests.corpus.trying import check_outcome, judge_with, open_corpus

pytestmark = pytest.mark.sandbox

CORPUS = open_corpus("nginx", gateway("nginx").dialect)
CHECKER = NginxChecker()
ADDRESS = "10.0.0.9"
# What may be refused, and why that is true of the file.
REFUSED = {
    "04-robot-shop-default.conf.template": "is a placeholder",
    "06-openwhisk-nginx-configmap.helm.yaml": "it looks like a template ({{)",
}
LIKELY = {"controllers"}  # a service for a file that cannot be read


@pytest.mark.shows("nginx", "real files")
@pytest.mark.parametrize("host", ["", ADDRESS], ids=["by name", "by address"])
@pytest.mark.parametrize("name", CORPUS.names)
def test_a_real_file_is_edited_and_restored_or_truly_refused(name, host, table):
    files = CORPUS.read(name)
    judge = judge_with(CHECKER, files)

    rows = [CORPUS.try_edit(files, service, judge, host) for service in sorted(CORPUS.targets(files) or LIKELY)]

    table(name, rows)
    for row in rows:
        may_be_edited = host and row.routes
        check_outcome(row, None if may_be_edited else REFUSED.get(name))
