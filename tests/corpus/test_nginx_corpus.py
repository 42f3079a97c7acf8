"""Real nginx files: every service of each is edited and restored byte for byte, or refused with a reason."""

import os
from pathlib import Path

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Change, Files, Header, SourceFile
from gatewayctl.gateways.nginx.checker import NginxChecker
from gatewayctl.gateways.registry import gateway
from tests.corpus.trying import Tried, edited_and_restored

pytestmark = pytest.mark.sandbox

CORPUS = os.environ.get("GATEWAYCTL_CORPUS", "")
if not CORPUS:
    pytest.skip("GATEWAYCTL_CORPUS is not set: no real configurations to try", allow_module_level=True)

FOLDER = Path(CORPUS) / "nginx"
DIALECT = gateway("nginx").dialect
CHECKER = NginxChecker()
ADDRESS = "10.0.0.9"
# What may be refused, and why that is true of the file.
REFUSED = {
    "04-robot-shop-default.conf.template": "is a placeholder",
    "06-openwhisk-nginx-configmap.helm.yaml": "it looks like a template ({{)",
}


def read(name: str) -> Files:
    return (SourceFile(name, (FOLDER / name).read_bytes().decode()),)


def services(files: Files) -> list[str]:
    """The upstreams of the files; where our own reading ends, a name that may well be one."""
    try:
        return sorted({target for route in DIALECT.routes(files) for target in route.target.split()})
    except Refused:
        return ["controllers"]


def tried(files: Files, service: str, host: str) -> Tried:
    """One edit, and its way back, judged by nginx before and after."""
    rule = CanaryRule("app", service, f"{service}-canary", Header("x-canary", "always"), "r-1", host)

    def judged(after: Files, _: Change) -> str:
        said = CHECKER.check(files, after)
        assert said.ok, said.detail
        assert said.checked, said.detail
        return f" ({said.detail})" if said.detail else ""

    return edited_and_restored(DIALECT, files, rule, judged)


@pytest.mark.shows("nginx", "real files")
@pytest.mark.parametrize("host", ["", ADDRESS], ids=["by name", "by address"])
@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_a_real_file_is_edited_and_restored_or_truly_refused(name, host, table):
    files = read(name)

    rows = [tried(files, service, host) for service in services(files)]

    table(name, rows)
    for row in rows:
        if name in REFUSED and (not host or not row.routes):
            assert REFUSED[name] in row.outcome
        else:
            assert row.routes > 0, row.outcome
