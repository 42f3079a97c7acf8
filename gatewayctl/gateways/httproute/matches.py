"""What one match of a rule asks of a request, and which of two matches the Gateway API lets win.

The order is the API's: path, method, number of headers, number of query parameters; then age, name, place.
"""

from dataclasses import dataclass

from yaml.nodes import Node

from gatewayctl.domain.routing import Header
from gatewayctl.gateways.httproute.fields import fields, items
from gatewayctl.gateways.yamltext.fragments import Unit
from gatewayctl.gateways.yamltext.nodes import text


@dataclass(frozen=True, slots=True)
class Match:
    """One match; `headers` are (name in lower case, exact value), with an empty value for a pattern."""

    kind: str = "PathPrefix"
    path: str = "/"
    method: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    queries: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> tuple[str, str, str]:
        """Matches of two places never compete on headers: path and method decide before."""
        path = self.path.rstrip("/") or "/" if self.kind == "PathPrefix" else self.path
        return self.kind, path, self.method

    @property
    def weight(self) -> tuple[int, int]:
        """What decides between matches of one place; more wins."""
        return len(self.headers), len(self.queries)

    def marked(self, header: Header) -> "Match":
        """The same, for requests that carry the header."""
        return Match(self.kind, self.path, self.method, (*self.headers, (header.name, header.value)), self.queries)

    def is_within(self, other: "Match") -> bool:
        """Whether every request of this match is one of the other's, which has the same place."""
        return set(other.headers) <= set(self.headers) and set(other.queries) <= set(self.queries)

    def meets(self, other: "Match") -> bool:
        """Whether one request could match both, as far as exact values tell."""
        return not any(
            name == other_name and value and other_value and value != other_value
            for mine, theirs in ((self.headers, other.headers), (self.queries, other.queries))
            for name, value in mine
            for other_name, other_value in theirs
        )

    def __str__(self) -> str:
        path = {"PathPrefix": "prefix", "Exact": "path", "RegularExpression": "regex"}.get(self.kind, self.kind)
        words = [f"{path} {self.path}", self.method]
        for count, what in ((len(self.headers), "header"), (len(self.queries), "query parameter")):
            words.append(f"+ {count} {what}{'s' * (count > 1)}" if count else "")
        return " ".join(word for word in words if word)


def matches_of(unit: Unit, node: Node | None) -> tuple[Match, ...]:
    """The matches of a rule; one for every path where it has none. Raises Refused."""
    listed = items(unit, node, "a list of matches")
    return tuple(_match(unit, one) for one in listed) or (Match(),)


def _match(unit: Unit, node: Node) -> Match:
    found = fields(unit, node, "a match")
    path = fields(unit, found.get("path"), "path")
    return Match(
        text(path.get("type")) or "PathPrefix",
        text(path.get("value")) or "/",
        text(found.get("method")),
        _named(unit, found.get("headers"), "a header match"),
        _named(unit, found.get("queryParams"), "a query parameter match"),
    )


def _named(unit: Unit, node: Node | None, what: str) -> tuple[tuple[str, str], ...]:
    """Names and exact values. The API ignores a name that was there before; header names know no case."""
    found: dict[str, str] = {}
    for one in items(unit, node, f"a list, each {what}"):
        member = fields(unit, one, what)
        name = text(member.get("name"))
        exact = (text(member.get("type")) or "Exact") == "Exact"
        key = name.lower() if "header" in what else name
        found.setdefault(key, text(member.get("value")) if exact else "")
    return tuple(found.items())
