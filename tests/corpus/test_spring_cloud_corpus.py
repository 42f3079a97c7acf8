"""Real Spring files: every service of each is edited and restored byte for byte, or refused with a reason."""

import re

import pytest

from gatewayctl.domain.routing import Files
from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.springcloud.checker import SpringCloudChecker
from tests.corpus.trying import Tried, check_outcome, open_corpus, rule_for
from tests.gateways.springcloud.product import gateway_jar

pytestmark = pytest.mark.sandbox

CORPUS = open_corpus("spring-cloud-gateway", gateway("spring-cloud-gateway").dialect)
# No address can be derived for a service of a registry: the user has to give it.
HOST = "canary.example:8080"
# What may be refused, and why that is true of the file.
REFUSED = {"05-pig-application.yml": "not YAML: found character that cannot start any token; it looks like a template"}
_URI = re.compile(r"^\s*uri: \w+://(\S+)", re.MULTILINE)


def find_services(files: Files) -> list[str]:
    """The services of a file; if our dialect refuses to read it, what looks like one."""
    return sorted(CORPUS.targets(files) or set(_URI.findall(files[0].text)))


def try_edit(files: Files, service: str) -> Tried:
    """One edit and its removal."""
    return CORPUS.try_edit(files, service, lambda *_: "", HOST)


@pytest.mark.shows("spring-cloud-gateway", "real files")
@pytest.mark.parametrize("name", CORPUS.names)
def test_a_real_file_is_edited_and_restored_or_truly_refused(name, table):
    files = CORPUS.read(name)

    rows = [try_edit(files, service) for service in find_services(files)]

    table(name, rows)
    assert rows
    for row in rows:
        check_outcome(row, REFUSED.get(name))


@pytest.mark.jvm
@pytest.mark.parametrize("version", ["4.3", pytest.param("5.0", marks=pytest.mark.all)])
@pytest.mark.parametrize("name", [name for name in CORPUS.names if name not in REFUSED])
def test_a_real_gateway_binds_a_real_file_with_the_rule_in(name, version, table):
    files = CORPUS.read(name)
    service = max(find_services(files), key=lambda one: try_edit(files, one).routes)
    after = CORPUS.dialect.insert(files, rule_for(service, HOST)).apply(files)

    result = SpringCloudChecker(str(gateway_jar(version))).check(files, after)

    table(name, [Tried(service, len(CORPUS.dialect.routes(after)), f"{version}: {result.detail or 'bound'}")])
    assert result.ok, result.detail
