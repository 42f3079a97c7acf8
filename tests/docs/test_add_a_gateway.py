"""The page about adding a gateway is followed to the letter in a copy of the package, and what comes out works."""

import difflib
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
    """A copy of the package in which somebody did what the page says: new files written, known ones added to."""
    root = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(with_block(path, text), encoding="utf-8")
    return root


def with_block(path: Path, text: str) -> str:
    """What a file holds once a block of the page is in: the registry's line goes into the literal dict."""
    if not path.exists():
        return text
    before = path.read_text(encoding="utf-8")
    if path.name == "registry.py":
        return before.replace("\n}\n", f"\n{text}}}\n", 1)
    return f"{before}\n\n{text}"


def find_changes(root: Path) -> dict[str, list[str]]:
    """Each file of the package that is not the same in the two trees, with the lines that differ (+ added, - gone)."""
    files = [(tree, file) for tree in (ROOT, root) for file in (tree / "gatewayctl").rglob("*") if file.is_file()]
    names = {file.relative_to(tree).as_posix() for tree, file in files if "__pycache__" not in file.parts}
    found = {}
    for name in sorted(names):
        old, new = ((tree / name).read_text() if (tree / name).exists() else "" for tree in (ROOT, root))
        lines = [line for line in difflib.ndiff(old.splitlines(), new.splitlines()) if line[:2] in ("+ ", "- ")]
        if lines or not (ROOT / name).exists() or not (root / name).exists():
            found[name] = lines
    return found


def run_module(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A module run with the checkout's packages, not with the installed ones."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=root, env=environment, capture_output=True, text=True, timeout=170
    )


def test_the_page_changes_one_folder_and_one_line_of_the_package(checkout):
    touched = find_changes(checkout)

    assert touched.pop("gatewayctl/gateways/registry.py") == ['+     "toy": "gatewayctl.gateways.toy.product",']
    assert {Path(name).parent.as_posix() for name in touched} == {"gatewayctl/gateways/toy"}
    assert {Path(name).name for name in touched} == {
        "__init__.py",
        "checker.py",
        "dialect.py",
        "product.py",
        "readback.py",
    }


def test_beside_the_package_it_only_adds_a_sample_to_the_contract():
    blocks = [name for name, _ in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]

    assert [name for name in blocks if not name.startswith("gatewayctl/")] == ["tests/contract/dialects.py"]


def test_its_gateway_keeps_the_contract_of_all_dialects(checkout):
    done = run_module(
        checkout, "pytest", "-p", "no:cacheprovider", "tests/contract/test_dialects.py", "-vv", "-k", "toy or every"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_what_is_inserted_is_removed_byte_for_byte_and_inserted_once[toy-CRLF]" in done.stdout
    assert "test_there_is_a_sample_of_every_gateway PASSED" in done.stdout


def test_its_files_are_edited_from_the_command_line_and_restored(checkout, tmp_path):
    file = tmp_path / "routes.txt"
    file.write_text("/api/orders/ -> orders\n/ -> web\n")
    what = ("--gateway", "toy", "--service", "orders", str(file))

    added = run_module(checkout, "gatewayctl", "rule", "add", *what)

    assert added.returncode == 0, added.stderr
    canary, *rest = file.read_text().splitlines()
    stamp = "+x-gatewayctl-release: standing-orders"
    assert canary == f"/api/orders/ [x-canary: always] -> orders-canary {stamp} # gatewayctl-orders-canary"
    assert rest == ["/api/orders/ -> orders", "/ -> web"]
    assert run_module(checkout, "gatewayctl", "rule", "remove", *what).returncode == 0
    assert file.read_text() == "/api/orders/ -> orders\n/ -> web\n"


def test_it_comes_into_the_support_tables(checkout):
    made = run_module(checkout, "tests.docs.gateways_table")

    assert made.returncode == 0, made.stderr
    lines = (checkout / "docs" / "gateways.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[1:5] for line in lines if line.startswith("| [`toy`]")] == [
        ["the toy's lines", "a ConfigMap", "name", "yes"],
        ["by itself", "`GET /routes`", "no", "the drain time is over"],
    ]


def test_its_code_is_in_our_style(checkout):
    done = run_module(checkout, "ruff", "check", "--no-cache", "--line-length", "120", "gatewayctl/gateways/toy")
    laid_out = run_module(checkout, "ruff", "format", "--no-cache", "--check", "gatewayctl/gateways/toy")

    assert (done.returncode, laid_out.returncode) == (0, 0), done.stdout + laid_out.stdout
