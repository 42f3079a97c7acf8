"""How pytest is called: the team's own arguments first, then ours, because the last of two decides."""

import os
import shutil
from pathlib import Path

from gatewayctl.domain.trial import Suite

# Its name starts with a dot: it is no document of the evidence, only a folder that is thrown away with it.
CACHE = ".pytest_cache"


def pytest_arguments(suite: Suite, folder: Path, start: Path, junit: str) -> tuple[str, ...]:
    """Arguments of a Python that run the suite; `folder` gets the JUnit file and the cache, which is emptied first.

    pytest starts in the folder `start`. With what an earlier run has left in the cache, `--lf` would run only some of
    the tests.
    """
    path = suite.path if Path(suite.path).is_absolute() else os.path.relpath(suite.path, start)
    shutil.rmtree(folder / CACHE, ignore_errors=True)
    return (
        *("-m", "pytest", path, *suite.args),
        *(f"--junitxml={folder / junit}", "-o", f"cache_dir={folder / CACHE}"),
        # The entry point and the module are the same plugin, and pytest does not accept it twice.
        *("-p", "no:gatewayctl", "-p", "gatewayctl.pytest_plugin"),
        *(("--reruns", str(suite.reruns)) if suite.reruns else ()),
    )
