"""Build the programs that are not in the cache yet, each as one atomic step that is taken as done only when it is.

A binary is built under a name of its own and renamed when Go has ended well; beside it lies a stamp of what it was
built from, so that a changed pin is built again.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster import toolchain
from tests.cluster.programs import GIVEN, MODULES, PROGRAMS, Program, cache, given, linker_flags


def build(programs: tuple[Program, ...] = PROGRAMS) -> Path:
    """The folder of these programs, after building what is missing; takes about ten minutes once, and then nothing."""
    ready = given(programs=programs)
    if ready:
        return ready
    if os.environ.get(GIVEN):
        sys.stderr.write(f"{GIVEN} does not hold all of {', '.join(p.name for p in programs)}: building instead\n")
    folder = cache() / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    if not missing(folder, programs):
        return folder
    with _alone(cache() / "build.lock"):
        _build_all(folder, programs)
    return folder


def missing(folder: Path, programs: tuple[Program, ...] = PROGRAMS) -> tuple[Program, ...]:
    """The programs that are not there, or were built from something else."""
    return tuple(program for program in programs if not _done(folder, program))


def fingerprint(program: Program) -> str:
    """What a binary depends on that may change: its pins, its own source, the flags."""
    digest = hashlib.sha256(f"{program.package}\n{linker_flags()}\n".encode())
    for path in sorted((MODULES / program.module).iterdir()):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _done(folder: Path, program: Program) -> bool:
    stamp = folder / f".{program.name}.built"
    return (folder / program.name).exists() and stamp.exists() and stamp.read_text() == fingerprint(program)


def _build_all(folder: Path, programs: tuple[Program, ...]) -> None:
    go = toolchain.find(cache(), programs)
    for number, program in enumerate(programs, 1):
        if _done(folder, program):
            continue
        begun = time.monotonic()
        sys.stderr.write(f"building {program.name} ({number} of {len(programs)})\n")
        sys.stderr.flush()
        build_one(go, program, folder)
        sys.stderr.write(f"built {program.name} in {time.monotonic() - begun:.0f} s\n")


def build_one(go: Path, program: Program, folder: Path) -> None:
    """Build one program into the folder. Raises EnvironmentFailed, and then there is none, when the compiler fails."""
    unfinished = folder / f".{program.name}.unfinished"
    command = [str(go), "build", "-buildvcs=false", "-trimpath", "-ldflags", linker_flags(), "-o", str(unfinished)]
    # What a person has set for other work must not change what is built here.
    pinned = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    environment, place = {**os.environ, **pinned}, MODULES / program.module
    done = subprocess.run([*command, program.package], cwd=place, env=environment, stdout=sys.stderr)
    if done.returncode:
        raise EnvironmentFailed(
            f"building {program.name} failed; the compiler's words are above",
            hint=f"is there room on the disk (5 GB) and a Go module proxy? or name ready binaries by {GIVEN}",
        )
    (folder / f".{program.name}.built").unlink(missing_ok=True)
    unfinished.rename(folder / program.name)
    stamp = folder / f".{program.name}.stamp"
    stamp.write_text(fingerprint(program))
    stamp.rename(folder / f".{program.name}.built")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
