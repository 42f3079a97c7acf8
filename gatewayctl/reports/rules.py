"""Routes of a gateway's files, and edits of them."""

from dataclasses import dataclass

from gatewayctl.domain.plan import unified_diff
from gatewayctl.domain.routing import RouteView, SourceFile


@dataclass(frozen=True, slots=True)
class RulesReport:
    """Routes in file order; `empty` is the text where there is none."""

    routes: tuple[RouteView, ...]
    empty: str

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.rules/1`."""
        return {"schema": "gatewayctl.rules/1", "routes": [_route_data(route) for route in self.routes]}

    def text(self) -> str:
        """One line per route."""
        return "\n".join(_describe(route) for route in self.routes) or self.empty


@dataclass(frozen=True, slots=True)
class RuleEditReport:
    """An edit of files: pairs of a file before and after it, the routes that it covers, what to know about it.

    `written` is false where the edit was only shown.
    """

    changed: tuple[tuple[SourceFile, SourceFile], ...]
    routes: tuple[RouteView, ...]
    notes: tuple[str, ...]
    written: bool

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.rule/1`."""
        return {
            "schema": "gatewayctl.rule/1",
            "written": self.written and bool(self.changed),
            "changed": [old.name for old, _ in self.changed],
            "routes": [_route_data(route) for route in self.routes],
            "notes": list(self.notes),
            "diff": self._diff(),
        }

    def text(self) -> str:
        """What was changed; or the diff, where nothing was written."""
        if not self.written:
            return self._diff() or "nothing to do"
        lines = [f"{old.name}: changed" for old, _ in self.changed] or ["nothing to do"]
        lines += [f"  {_describe(route)}" for route in self.routes]
        lines += [f"  {line}" for line in self.note_lines()]
        return "\n".join(lines)

    def note_lines(self) -> list[str]:
        """A line for each note; `text` has them where the edit was written."""
        return [f"note: {note}" for note in self.notes]

    def _diff(self) -> str:
        return "".join(unified_diff(old.text, new.text, old.name, new.name) for old, new in self.changed)


def _describe(route: RouteView) -> str:
    header = f" [{route.header}]" if route.header else ""
    return f"{route.file}:{route.line}: {route.place} {route.match}{header} → {route.target}".replace("  ", " ")


def _route_data(route: RouteView) -> dict[str, object]:
    return {
        "file": route.file,
        "line": route.line,
        "place": route.place,
        "match": route.match,
        "target": route.target,
        "name": route.name,
        "header": route.header,
    }
