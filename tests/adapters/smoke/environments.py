"""Virtual environments of a team that has pytest and little else, made from what is installed here."""

import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

PYTEST = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")


def make_environment(folder: Path, packages: tuple[str, ...] = PYTEST) -> Path:
    """A new environment at `folder` with `packages` of this one, as links; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for package in packages:
        for file in files(package) or ():
            first = file.parts[0]
            if first not in ("..", "__pycache__") and not (site / first).exists():
                (site / first).symlink_to(Path(str(file.locate())).parents[len(file.parts) - 1] / first)
    return folder / "bin" / "python"
