"""The example on the sandbox, for what needs a gateway and applications but no cluster."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measuring import gatewayctl, run
from gatewayctl.example import example_folder


@contextmanager
def rehearsal() -> Iterator[Path]:
    """The folder of a gatewayctl.yaml whose sandbox runs; it is stopped and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="gatewayctl-bench-") as folder:
        for name in ("gateway-config", "smoke"):
            ignored = shutil.ignore_patterns("__pycache__", ".gatewayctl")
            shutil.copytree(example_folder() / name, Path(folder) / name, ignore=ignored)
        here = Path(folder) / "gateway-config"
        run(gatewayctl("sandbox", "up"), here)
        try:
            yield here
        finally:
            run(gatewayctl("sandbox", "down"), here)
