"""Real Spring files: every service of each is edited and restored byte for byte, or refused with a reason."""

import os
import re
from pathlib import Path

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile
from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.springcloud.checker import SpringCloudChecker
from tests.corpus.trying import Tried, edited_and_restored
from tests.gateways.springcloud.product import gateway_jar

pytestmark = pytest.mark.sandbox

CORPUS = os.environ.get("GATEWAYCTL_CORPUS", "")
if not CORPUS:
    pytest.skip("GATEWAYCTL_CORPUS is not set: no real configurations to try", allow_module_level=True)

FOLDER = Path(CORPUS) / "spring-cloud-gateway"
DIALECT = gateway("spring-cloud-gateway").dialect
# A registry's service has no address that could be derived: the one who asks for the edit gives it.
HOST = "canary.example:8080"
# What may be refused, and why that is true of the file.
REFUSED = {"05-pig-application.yml": "not YAML: found character that cannot start any token; it looks like a template"}


def read(name: str) -> Files:
    return (SourceFile(name, (FOLDER / name).read_bytes().decode()),)


def services(files: Files) -> list[str]:
    """The services of a file; where our own reading ends, what looks like one."""
    try:
        return sorted({route.target for route in DIALECT.routes(files)})
    except Refused:
        return sorted(set(re.findall(r"^\s*uri: \w+://(\S+)", files[0].text, re.MULTILINE)))


def tried(files: Files, service: str) -> Tried:
    """One edit, and its way back."""
    rule = CanaryRule("app", service, f"{service}-canary", Header("x-canary", "always"), "r-1", HOST)
    return edited_and_restored(DIALECT, files, rule, lambda *_: "")


NAMES = sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.shows("spring-cloud-gateway", "real files")
@pytest.mark.parametrize("name", NAMES)
def test_a_real_file_is_edited_and_restored_or_truly_refused(name, table):
    files = read(name)

    rows = [tried(files, service) for service in services(files)]

    table(name, rows)
    assert rows
    for row in rows:
        if name in REFUSED:
            assert REFUSED[name] in row.outcome
        else:
            assert row.routes > 0, row.outcome


@pytest.mark.jvm
@pytest.mark.parametrize("version", ["4.3", pytest.param("5.0", marks=pytest.mark.all)])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in REFUSED])
def test_a_real_gateway_binds_a_real_file_with_the_rule_in(name, version, table):
    files = read(name)
    service = max(services(files), key=lambda one: tried(files, one).routes)
    rule = CanaryRule("app", service, f"{service}-canary", Header("x-canary", "always"), "r-1", HOST)
    after = DIALECT.insert(files, rule).apply(files)

    said = SpringCloudChecker(str(gateway_jar(version))).check(files, after)

    table(name, [Tried(service, len(DIALECT.routes(after)), f"{version}: {said.detail or 'bound'}")])
    assert said.ok, said.detail
