"""Real nginx files: every service of each is edited and restored byte for byte, or refused with a reason."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile
from gatewayctl.gateways.nginx.checker import NginxChecker
from gatewayctl.gateways.nginx.dialect import NginxDialect

pytestmark = pytest.mark.sandbox

CORPUS = os.environ.get("GATEWAYCTL_CORPUS", "")
if not CORPUS:
    pytest.skip("GATEWAYCTL_CORPUS is not set: no real configurations to try", allow_module_level=True)

FOLDER = Path(CORPUS) / "nginx"
DIALECT = NginxDialect()
CHECKER = NginxChecker()
ADDRESS = "10.0.0.9"
# What may be refused, and why that is true of the file.
REFUSED = {
    "04-robot-shop-default.conf.template": "is a placeholder",
    "06-openwhisk-nginx-configmap.helm.yaml": "it looks like a template ({{)",
}


@dataclass(frozen=True)
class Tried:
    """What became of one service of one file."""

    service: str
    routes: int
    outcome: str


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
    try:
        change = DIALECT.insert(files, rule)
    except Refused as why:
        return Tried(service, 0, f"refused: {why}")
    after = change.apply(files)
    assert after != files
    said = CHECKER.check(files, after)
    assert said.ok, said.detail
    assert said.checked, said.detail
    assert DIALECT.insert(after, rule).stages == ()
    assert DIALECT.remove(after, "app").apply(after) == files
    return Tried(service, len(change.covered), "edited and restored" + (f" ({said.detail})" if said.detail else ""))


@pytest.fixture
def table(capsys):
    """Prints what became of each service, captured output or not: this is what the corpus is run for."""

    def write(name: str, rows: list[Tried]) -> None:
        with capsys.disabled():
            for row in rows:
                print(f"\n{name:40.40} {row.service:30.30} {row.routes:3} routes  {row.outcome}", end="")  # noqa: T201

    return write


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
