"""The page about adding a gateway is followed to the letter in a copy of the package, and what comes out works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-gateway.md"
BLOCK = re.compile(r"^```python (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COPIED = ("gatewayctl", "tests", "docs")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A checkout in which somebody did what the page says: new files written, known ones added to."""
    root = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        before = f"{path.read_text(encoding='utf-8')}\n\n" if path.exists() else ""
        path.write_text(f"{before}{text}", encoding="utf-8")
    return root


def ran(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A module run with the checkout's packages, not with the installed ones."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=root, env=environment, capture_output=True, text=True, timeout=170
    )


def test_the_page_adds_a_folder_a_registry_line_and_a_parametrisation():
    assert [name for name, _ in BLOCK.findall(PAGE.read_text(encoding="utf-8"))] == [
        "gatewayctl/gateways/toy/dialect.py",
        "gatewayctl/gateways/toy/readback.py",
        "gatewayctl/gateways/toy/checker.py",
        "gatewayctl/gateways/registry.py",
        "tests/contract/dialects.py",
    ]


def test_its_gateway_keeps_the_contract_of_all_dialects(checkout):
    done = ran(
        checkout, "pytest", "-p", "no:cacheprovider", "tests/contract/test_dialects.py", "-vv", "-k", "toy or every"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_what_is_inserted_is_removed_byte_for_byte_and_inserted_once[toy-CRLF]" in done.stdout
    assert "test_there_is_a_sample_of_every_gateway PASSED" in done.stdout


def test_its_files_are_edited_from_the_command_line_and_restored(checkout, tmp_path):
    file = tmp_path / "routes.txt"
    file.write_text("/api/orders/ -> orders\n/ -> web\n")
    what = ("--gateway", "toy", "--service", "orders", str(file))

    added = ran(checkout, "gatewayctl", "rule", "add", *what)

    assert added.returncode == 0, added.stderr
    canary, *rest = file.read_text().splitlines()
    stamp = "+x-gatewayctl-release: standing-orders"
    assert canary == f"/api/orders/ [x-canary: always] -> orders-canary {stamp} # gatewayctl-orders-canary"
    assert rest == ["/api/orders/ -> orders", "/ -> web"]
    assert ran(checkout, "gatewayctl", "rule", "remove", *what).returncode == 0
    assert file.read_text() == "/api/orders/ -> orders\n/ -> web\n"


def test_it_comes_into_the_support_tables(checkout):
    made = ran(checkout, "tests.docs.gateways_table")

    assert made.returncode == 0, made.stderr
    lines = (checkout / "docs" / "gateways.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[1:4] for line in lines if line.startswith("| [`toy`]")] == [
        ["the toy's lines", "a ConfigMap", "name"],
        ["by itself", "`GET /routes`", "the time for it is over"],
    ]


def test_its_code_is_in_our_style(checkout):
    done = ran(checkout, "ruff", "check", "--no-cache", "--line-length", "120", "gatewayctl/gateways/toy")
    laid_out = ran(checkout, "ruff", "format", "--no-cache", "--check", "gatewayctl/gateways/toy")

    assert (done.returncode, laid_out.returncode) == (0, 0), done.stdout + laid_out.stdout
