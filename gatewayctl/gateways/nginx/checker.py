"""nginx's own opinion of an edit: `nginx -t` on a copy in a folder of its own, before anything is published."""

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
        """Would nginx load `after`? What only the gateway has (names, certificates, modules) is stood in for."""
        binary = self._binary or find_nginx()
        if not binary:
            return Validation(ok=True, checked=False, detail="not checked: no nginx binary (install nginx)")
        broken = _unreadable(after)
        if broken and not _unreadable(before):
            return Validation(ok=False, checked=True, detail=broken)
        try:
            with tempfile.TemporaryDirectory(prefix="gatewayctl-") as folder:
                return _judge(_Runner(binary, Path(folder)), before, after)
        except (Refused, OSError, subprocess.TimeoutExpired) as why:
            return Validation(ok=True, checked=False, detail=f"not checked: {why}")


def _unreadable(files: Files) -> str:
    try:
        Config(files)
    except Refused as why:
        return str(why)
    return ""


def find_nginx() -> str:
    """The path of an nginx binary, or nothing."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or ""


class _Runner:
    """Runs the binary on throw-away copies."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary, self._folder = binary, folder

    def trouble(self, files: Files, gaps: Gaps) -> str:
        """What nginx complains of; nothing when it would load the files. Raises Refused, OSError, TimeoutExpired."""
        path = self._folder / "nginx.conf"
        path.touch(mode=0o600)
        path.write_text(build_copy(files, str(self._folder), gaps), encoding="utf-8")
        command = [self._binary, "-t", "-q", "-p", str(self._folder), "-c", str(path), "-e", "stderr"]
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS)
        if not done.returncode:
            return ""
        said = done.stderr.decode(errors="replace").splitlines()
        told = [line.partition("[emerg] ")[2] for line in said if "[emerg]" in line]
        words = told[0].split(": ", 1)[-1] if told else " ".join(said[-1:])
        return words[:_LONGEST] or f"exit code {done.returncode}"


def _judge(runner: _Runner, before: Files, after: Files) -> Validation:
    """Try the edit; what this nginx lacks is left out as long as the files as they were lack it, too."""
    gaps = Gaps()
    for _ in range(_MOST_GAPS):
        trouble = runner.trouble(after, gaps)
        if not trouble:
            left = ", ".join(sorted(gaps.directives | gaps.variables))
            return Validation(
                ok=True, checked=True, detail=f"checked without {left}: unknown to nginx here" if left else ""
            )
        was = runner.trouble(before, gaps)
        wider = _widened(gaps, trouble)
        if not was:
            return Validation(ok=False, checked=True, detail=_PLACE.sub("", trouble))
        if wider is None or _gap(was) != _gap(trouble):
            return Validation(
                ok=True,
                checked=False,
                detail=f"not checked: nginx does not load the files as they were: {_PLACE.sub('', was)}",
            )
        gaps = wider
    return Validation(ok=True, checked=False, detail=f"not checked: nginx here lacks more than {_MOST_GAPS} directives")


def _gap(trouble: str) -> str:
    found = _DIRECTIVE.search(trouble) or _VARIABLE.search(trouble)
    return found.group() if found else ""


def _widened(gaps: Gaps, trouble: str) -> Gaps | None:
    """With what is missing left out; None where that does not help."""
    directive, variable = _DIRECTIVE.search(trouble), _VARIABLE.search(trouble)
    if directive and directive[1] not in gaps.directives:
        return replace(gaps, directives=gaps.directives | {directive[1]})
    if variable and variable[1] not in gaps.variables:
        return replace(gaps, variables=gaps.variables | {variable[1]})
    return None
