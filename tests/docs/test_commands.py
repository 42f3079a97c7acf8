"""Every command that the README and docs show is run, word for word, in a copy of the example."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayctl.config.load import parse

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TARGET = re.compile(r"^([a-z][a-z0-9-]*):", re.MULTILINE)


def commands(page: Path) -> list[str]:
    """The lines after a prompt, in order."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.sandbox
@pytest.mark.whole
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_the_commands_of_a_page_do_what_they_say(page, tmp_path):
    for name in ("gateway-config", "smoke"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(".gatewayctl", "__pycache__"))
    script = "\n".join(command for command in commands(page) if not command.startswith("make "))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GATEWAYCTL_")}

    try:
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", script],  # noqa: S607 (whichever bash the person has)
            cwd=tmp_path,
            env={**environment, "PATH": path},
            capture_output=True,
            text=True,
            timeout=170,
        )
    finally:
        config = tmp_path / "gateway-config" / "gatewayctl.yaml"
        subprocess.run(
            [sys.executable, "-m", "gatewayctl", "sandbox", "down", "--config", str(config)],
            capture_output=True,
            timeout=60,
        )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_a_page_names_exists(page):
    targets = set(TARGET.findall((ROOT / "Makefile").read_text()))
    named = {command.split()[1] for command in commands(page) if command.startswith("make ")}

    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_whole_gatewayctl_yaml_in_the_docs_is_one(tmp_path):
    blocks = re.findall(r"^```yaml\n(.*?)^```", "".join(page.read_text() for page in PAGES), re.MULTILINE | re.DOTALL)
    whole = [block for block in blocks if block.startswith("version:") and "\napps:" in block]

    assert len(whole) >= 2
    for block in whole:
        assert parse(block, tmp_path / "gatewayctl.yaml").apps
