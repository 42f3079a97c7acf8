"""The wheel carries the package and the worked example, and nothing that a used checkout holds beside them."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "gatewayctl": "gatewayctl",
    "smoke": "gatewayctl/example/smoke",
    "gateway-config": "gatewayctl/example/gateway-config",
    "manifests": "gatewayctl/example/manifests",
}
JUNK = (".gatewayctl/evidence/r-1/release.json", ".gatewayctl/journal.json", ".env", ".cache/x.py", "__pycache__/x.pyc")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a build reads, without .gitignore: an unpacked archive has the same right to a clean wheel."""
    folder = tmp_path / "checkout"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def files(checkout: Path) -> set[str]:
    """Every file of the folders, by its name in the wheel."""
    return {
        f"{place}/{file.relative_to(checkout / name).as_posix()}"
        for name, place in FOLDERS.items()
        for file in (checkout / name).rglob("*")
        if file.is_file()
    }


def test_the_wheel_of_a_used_checkout_holds_the_package_and_the_example_only(checkout, tmp_path):
    expected = files(checkout)
    for folder in ("gatewayctl/cli", *FOLDERS):
        for name in JUNK:
            junk = checkout / folder / name
            junk.parent.mkdir(parents=True, exist_ok=True)
            junk.write_text("whose canary, when, and by whom\n")

    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == expected
    assert {"gatewayctl/example/manifests/shop.yaml", "gatewayctl/cli/app.py"} <= names
