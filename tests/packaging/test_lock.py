"""What development and CI install is pinned, all of it, and within what pyproject.toml allows."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements-dev.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MACHINES = [
    {
        "python_version": version,
        "python_full_version": f"{version}.1",
        "platform_machine": machine,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for version in ("3.11", "3.12", "3.13", "3.14")
    for machine in ("x86_64", "aarch64")
]


def direct() -> Iterator[Requirement]:
    """Everything that pyproject.toml asks for: to run, for each extra, and to build."""
    project = PROJECT["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values(), PROJECT["build-system"]["requires"]]
    for requirement in (Requirement(text) for texts in lists for text in texts):
        if canonicalize_name(requirement.name) != project["name"]:
            yield requirement


def pinned() -> list[tuple[Requirement, tuple[str, ...]]]:
    """The entries of the lock, each with its hashes."""
    entries = re.sub(r"\\\n", "", re.sub(r"^\s*#.*\n", "", LOCK, flags=re.MULTILINE)).splitlines()
    return [
        (Requirement(entry.partition("--hash")[0]), tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})(?!\S)", entry)))
        for entry in entries
    ]


PINNED = pinned()


@pytest.mark.parametrize("requirement", list(direct()), ids=str)
def test_a_direct_requirement_has_one_version_on_every_machine_and_within_its_range(requirement):
    name = canonicalize_name(requirement.name)
    found = [one for one, _ in PINNED if canonicalize_name(one.name) == name]

    for machine in MACHINES:
        here = [one for one in found if one.marker is None or one.marker.evaluate(machine)]
        assert len(here) == 1, f"{requirement} on {machine}: {here}; run: make lock"
        (pin,) = here[0].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version, prereleases=True), f"{here[0]}; run: make lock"


def test_every_entry_names_one_version_and_its_files():
    assert len(PINNED) > 50
    for requirement, hashes in PINNED:
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement
        assert hashes, requirement


def test_the_lock_does_not_say_where_files_come_from():
    assert "://" not in LOCK
    assert "--index" not in LOCK


@pytest.mark.parametrize("changed", ["requirements-dev.lock", "pyproject.toml"])
def test_a_change_sets_the_environment_up_again_from_the_lock_alone(changed, tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    stamp = tmp_path / ".installed"
    stamp.touch()
    command = ["make", "--dry-run", f"VENV={tmp_path}", f"--what-if={changed}", str(stamp)]

    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)

    assert said.returncode == 0, said.stderr
    installs = re.findall(r"pip install (.*)", said.stdout)
    assert len(installs) == 2, said.stdout
    assert "--require-hashes" in installs[0]
    assert "--only-binary :all:" in installs[0]
    assert {"--no-deps", "--no-build-isolation"} <= set(installs[1].split())
