"""The promise of every edit, kept in one place: what a dialect inserts, it can take out again byte for byte.

A dialect only has its own edit. Around it, each insertion is tried backwards before it is returned: the new text is
read again, the rule is removed from it, and what remains must be the text as it is without the rule.
"""

from dataclasses import dataclass, replace

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, own_routes
from gatewayctl.gateways.yamltext.document import no_collection
from gatewayctl.ports import Dialect


@dataclass(frozen=True, slots=True)
class Reversible:
    """Implements ports.Dialect with the edits of `plain`; an edit that could not be undone exactly is refused."""

    plain: Dialect

    @property
    def limits(self) -> Limits:
        """Those of the dialect."""
        return self.plain.limits

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every route that sends to an upstream, in file order. Raises Refused."""
        _check_text(files)
        with no_collection():
            return self.plain.routes(files)

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every route of its service; a rule of the same owner is replaced. Raises Refused."""
        _check_text(files)
        with no_collection():
            change = self.plain.insert(files, rule)
            if change.stages and self._without(change.apply(files), rule.app) != self._without(files, rule.app):
                names = ", ".join(file.name for file in files)
                raise Refused(names, 0, "taking this rule away again would not give back the same bytes")
            return replace(change, notes=(*self._replaced(files, rule), *change.notes)) if change.stages else change

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        _check_text(files)
        with no_collection():
            return self.plain.remove(files, app)

    def _replaced(self, files: Files, rule: CanaryRule) -> tuple[str, ...]:
        """A note for each other header that a rule of the same owner asks for now."""
        if not any(rule.name in file.text for file in files):
            return ()
        headers = dict.fromkeys(route.header for route in own_routes(self.plain.routes(files), rule.app))
        return tuple(
            f"the rule of {rule.app} is replaced: {header} no longer reaches the canary, {rule.header} does"
            for header in headers
            if header and header != str(rule.header)
        )

    def _without(self, files: Files, app: str) -> Files:
        return self.plain.remove(files, app).apply(files)


def _check_text(files: Files) -> None:
    """Raise Refused for half of a surrogate pair: JSON can hold one (`"\\ud800"`), but no file and no parser can."""
    for file in files:
        try:
            file.text.encode()
        except UnicodeEncodeError as fault:
            line = file.text.count("\n", 0, fault.start) + 1
            raise Refused(file.name, line, "not UTF-8 text") from fault
