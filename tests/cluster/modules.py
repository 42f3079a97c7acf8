"""Files of Go modules that are no programs: fetched once by Go, and kept where nobody cleans the cache of modules."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster import toolchain
from tests.cluster.programs import PROGRAMS, Program, cache


def kept(name: str, source: Callable[[], Path]) -> Path:
    """The folder of that name in our cache, copied from `source` unless it is there; never seen half copied."""
    folder = cache() / name
    if not folder.exists():
        unfinished = folder.with_suffix(f".{os.getpid()}")
        shutil.copytree(source(), unfinished)
        try:
            unfinished.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return folder


def downloaded(module: str, place: Path, mode: str, programs: Iterable[Program] = PROGRAMS) -> dict[str, Any]:
    """What Go says of a module that it has now, asked in the folder `place`. Raises EnvironmentFailed if it has not."""
    environment = {**os.environ, "GOWORK": "off", "GOFLAGS": mode, "GOTOOLCHAIN": "local", "GO111MODULE": "on"}
    command = [str(toolchain.find(cache(), programs)), "mod", "download", "-json", module]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise EnvironmentFailed(f"cannot fetch {module}: {done.stdout.strip()[-500:] or done.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
