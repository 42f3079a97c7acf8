"""The registry: a literal dict that loads a product only when it is asked for, and that no product imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gatewayctl.gateways
from gatewayctl.gateways.product import OnRequest, OnSignal, Watches
from gatewayctl.gateways.registry import GATEWAYS, gateway

FOLDER = Path(gatewayctl.gateways.__file__).parent

HELP = """\
import sys
from typer.testing import CliRunner
from gatewayctl.cli.app import app
from gatewayctl.gateways.registry import GATEWAYS
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
print([name for name in sys.modules if name in GATEWAYS.values() or name.endswith(".dialect")])
"""


@pytest.mark.parametrize("kind", GATEWAYS)
def test_a_kind_leads_to_the_product_of_that_kind_and_there_is_one_of_it(kind):
    assert gateway(kind).kind == kind
    assert gateway(kind) is gateway(kind)


def test_what_makes_each_product_load_changed_files_is_one_of_three():
    kinds = {kind: type(gateway(kind).loads) for kind in GATEWAYS}

    assert kinds == {
        "envoy": Watches,
        "nginx": OnSignal,
        "spring-cloud-gateway": OnRequest,
        "httproute": Watches,
        "ingress-nginx": Watches,
    }


def test_the_help_and_the_registry_load_no_product():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_nothing_in_the_gateways_imports_the_registry():
    files = [file for file in FOLDER.rglob("*.py") if file.name != "registry.py"]
    imported = {
        name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _imported_modules(node)
    }

    assert len(files) > 40
    assert "gatewayctl.gateways.product" in imported
    assert "gatewayctl.gateways.registry" not in imported


def _imported_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
