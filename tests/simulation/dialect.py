"""The toy product with its upstreams in a file of their own: an edit has two stages, and a crash may fall between them.

upstreams.txt:  orders-canary name=gatewayctl-orders-canary
"""

from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import CanaryRule, Change, Files, RouteView, SourceFile, rule_name
from tests.fakes.toy import ToyChecker, ToyDialect

UPSTREAMS = "upstreams.txt"


_TOY = ToyDialect()


class SplitChecker(ToyChecker):
    """ports.Checker: upstreams are not routes."""

    def check(self, before: Files, after: Files) -> Validation:
        return super().check(_routes(before), _routes(after))


class SplitDialect:
    """ports.Dialect in two stages: what is named is there first, and goes last."""

    limits = ToyDialect.limits

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        return _TOY.routes(_routes(files))

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        change = _TOY.insert(_routes(files), rule)
        line = f"{rule.canary} name={rule.name}\n"
        upstreams = _upstreams(files)
        if line in upstreams.text:
            return change
        find_upstreams = SourceFile(UPSTREAMS, _without(upstreams.text, rule.app) + line)
        return Change(((find_upstreams,), *change.stages), change.covered)

    def remove(self, files: Files, app: str) -> Change:
        change = _TOY.remove(_routes(files), app)
        upstreams = _upstreams(files)
        text = _without(upstreams.text, app)
        last = ((SourceFile(UPSTREAMS, text),),) if text != upstreams.text else ()
        return Change((*change.stages, *last))


def find_upstreams(files: Files) -> frozenset[str] | None:
    """The upstreams that these files define; None where they have no file for that, and all are known."""
    for file in files:
        if file.name == UPSTREAMS:
            return frozenset(line.split()[0] for line in file.text.splitlines())
    return None


def _routes(files: Files) -> Files:
    return tuple(file for file in files if file.name != UPSTREAMS)


def _upstreams(files: Files) -> SourceFile:
    return next(file for file in files if file.name == UPSTREAMS)


def _without(text: str, app: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if f"name={rule_name(app)}" not in line)
