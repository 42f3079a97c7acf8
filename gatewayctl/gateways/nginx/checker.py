"""Whether nginx would load an edit: `nginx -t` on a copy in a temporary folder, before it is published."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import Files
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.validation_copy import Gaps, build_copy

_SECONDS = 60.0
_LONGEST = 400
_MOST_GAPS = 60
_DIRECTIVE = re.compile(r'unknown directive "([^"]+)"')
_VARIABLE = re.compile(r'unknown "(\w+)" variable')
_PLACE = re.compile(r" in /\S+:\d+$")


class NginxChecker:
    """Implements ports.Checker with `nginx -t`. `binary` empty: the one on PATH."""

    def __init__(self, binary: str = "") -> None:
        self._binary = binary

    def check(self, before: Files, after: Files) -> Validation:
        """Whether nginx would load `after`. What only the gateway has (names, certificates, modules) is replaced."""
        binary = self._binary or find_nginx()
        if not binary:
            return Validation(ok=True, checked=False, detail="not checked: no nginx binary (install nginx)")
        reason = _find_unreadable(after)
        if reason and not _find_unreadable(before):
            return Validation(ok=False, checked=True, detail=reason)
        try:
            with tempfile.TemporaryDirectory(prefix="gatewayctl-") as folder:
                return _judge(_NginxTest(binary, Path(folder)), before, after)
        except (Refused, OSError, subprocess.TimeoutExpired) as fault:
            return Validation(ok=True, checked=False, detail=f"not checked: {fault}")


def _find_unreadable(files: Files) -> str:
    """Why gatewayctl itself cannot read the files; empty when it can."""
    try:
        Config(files)
    except Refused as refusal:
        return str(refusal)
    return ""


def find_nginx() -> str:
    """The path of an nginx binary, or nothing."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or ""


class _NginxTest:
    """Runs `nginx -t` on temporary copies."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary, self._folder = binary, folder

    def find_reason(self, files: Files, gaps: Gaps) -> str:
        """Why nginx would not load the files; empty when it would. Raises Refused, OSError, TimeoutExpired."""
        path = self._folder / "nginx.conf"
        path.touch(mode=0o600)
        path.write_text(build_copy(files, str(self._folder), gaps), encoding="utf-8")
        command = [self._binary, "-t", "-q", "-p", str(self._folder), "-c", str(path), "-e", "stderr"]
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS)
        if not done.returncode:
            return ""
        lines = done.stderr.decode(errors="replace").splitlines()
        errors = [line.partition("[emerg] ")[2] for line in lines if "[emerg]" in line]
        reason = errors[0].split(": ", 1)[-1] if errors else " ".join(lines[-1:])
        return reason[:_LONGEST] or f"exit code {done.returncode}"


def _judge(test: _NginxTest, before: Files, after: Files) -> Validation:
    """Try the edit. What this nginx does not know is left out, as long as `before` has it, too."""
    gaps = Gaps()
    for _ in range(_MOST_GAPS):
        reason = test.find_reason(after, gaps)
        if not reason:
            left = ", ".join(sorted(gaps.directives | gaps.variables))
            return Validation(
                ok=True, checked=True, detail=f"checked without {left}: unknown to nginx here" if left else ""
            )
        reason_before = test.find_reason(before, gaps)
        wider = _widen(gaps, reason)
        if not reason_before:
            return Validation(ok=False, checked=True, detail=_PLACE.sub("", reason))
        if wider is None or _find_gap(reason_before) != _find_gap(reason):
            return Validation(
                ok=True,
                checked=False,
                detail=f"not checked: nginx does not load the files as they were: {_PLACE.sub('', reason_before)}",
            )
        gaps = wider
    return Validation(ok=True, checked=False, detail=f"not checked: nginx here lacks more than {_MOST_GAPS} directives")


def _find_gap(reason: str) -> str:
    """The directive or variable that nginx does not know, as it says it; empty for another reason."""
    match = _DIRECTIVE.search(reason) or _VARIABLE.search(reason)
    return match.group() if match else ""


def _widen(gaps: Gaps, reason: str) -> Gaps | None:
    """The gaps with the one of `reason` added; None where there is none to add."""
    directive, variable = _DIRECTIVE.search(reason), _VARIABLE.search(reason)
    if directive and directive[1] not in gaps.directives:
        return replace(gaps, directives=gaps.directives | {directive[1]})
    if variable and variable[1] not in gaps.variables:
        return replace(gaps, variables=gaps.variables | {variable[1]})
    return None
