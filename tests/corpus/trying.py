"""One edit of a real file and its way back, the same for every dialect."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Change, Files, Header, SourceFile, share_routes
from gatewayctl.ports import Checker, Dialect


@dataclass(frozen=True)
class Tried:
    """What became of one service of one file."""

    service: str
    routes: int
    outcome: str


def edited_and_restored(
    dialect: Dialect, files: Files, rule: CanaryRule, judged: Callable[[Files, Change], str]
) -> Tried:
    """Insert, insert again, remove; `judged` asserts what the product thinks of the edit and says what to show."""
    try:
        change = dialect.insert(files, rule)
    except Refused as why:
        return Tried(rule.service, 0, f"refused: {why}")
    after = change.apply(files)
    assert after != files
    shown = judged(after, change)
    assert dialect.insert(after, rule).stages == ()
    assert dialect.remove(after, rule.app).apply(after) == files
    if dialect.limits.shares:
        shown += _split_and_restored(dialect, files, rule, judged)
    return Tried(rule.service, len(change.covered), f"edited and restored{shown}")


def _split_and_restored(
    dialect: Dialect, files: Files, rule: CanaryRule, judged: Callable[[Files, Change], str]
) -> str:
    """The same for a rule that takes a share of the unmarked requests; empty where it went well, too."""
    try:
        change = dialect.insert(files, replace(rule, share=10))
    except Refused as why:
        return f"; a share is refused: {why}"
    after = change.apply(files)
    judged(after, change)
    assert {route.share for route in share_routes(dialect.routes(after), rule.app)} == {10}
    assert dialect.insert(after, rule).apply(after) == dialect.insert(files, rule).apply(files)
    assert dialect.remove(after, rule.app).apply(after) == files
    return ""


@dataclass(frozen=True)
class Corpus:
    """The real files of one gateway kind."""

    folder: Path
    dialect: Dialect

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def read(self, *names: str) -> Files:
        return tuple(SourceFile(name, (self.folder / name).read_bytes().decode()) for name in names)

    def targets(self, files: Files) -> set[str]:
        """What the routes of the files send to; nothing if the dialect refuses to read the files."""
        try:
            return {target for route in self.dialect.routes(files) for target in route.target.split()}
        except Refused:
            return set()

    def try_edit(self, files: Files, service: str, judge: Callable[[Files, Change], str], host: str = "") -> Tried:
        """Insert a rule for a service and remove it again; `judge` is that of `edited_and_restored`."""
        return edited_and_restored(self.dialect, files, rule_for(service, host), judge)


def open_corpus(kind: str, dialect: Dialect) -> Corpus:
    """The files of a gateway kind; skips the test module where no real files are given."""
    root = os.environ.get("GATEWAYCTL_CORPUS", "")
    if not root:
        pytest.skip("GATEWAYCTL_CORPUS is not set: no real configurations to try", allow_module_level=True)
    return Corpus(Path(root) / kind, dialect)


def rule_for(service: str, host: str = "") -> CanaryRule:
    """A canary rule for a service of a real file."""
    return CanaryRule("app", service, f"{service}-canary", Header("x-canary", "always"), "r-1", host)


def judge_with(checker: Checker, files: Files) -> Callable[[Files, Change], str]:
    """A judge that lets the product itself check the edit, and shows what it says."""

    def judge(after: Files, _: Change) -> str:
        result = checker.check(files, after)
        assert result.ok, result.detail
        assert result.checked, result.detail
        return f" ({result.detail})" if result.detail else ""

    return judge


def check_outcome(row: Tried, reason: str | None) -> None:
    """Fail unless the edit was made, or, if there is a true reason to refuse it, was refused with that reason."""
    if reason:
        assert reason in row.outcome
    else:
        assert row.routes > 0, row.outcome
