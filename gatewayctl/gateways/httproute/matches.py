"""The matches of a rule, and what decides which of two matches gets a request.

The Gateway API compares path, method, number of headers and number of query parameters; then the age and the name of
the routes, and the position of the rule in its route.
"""

from dataclasses import dataclass

from gatewayctl.gateways.yamltext.cursor import Cursor


@dataclass(frozen=True, slots=True)
class HttpRouteMatch:
    """One match. `headers` and `queries` are names and exact values; the value is empty for a regular expression.

    Names of headers are in lower case.
    """

    kind: str = "PathPrefix"
    path: str = "/"
    method: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    queries: tuple[tuple[str, str], ...] = ()

    @property
    def path_and_method(self) -> tuple[str, str, str]:
        """Kind of path, path and method: matches that differ here are decided before headers are compared."""
        path = self.path.rstrip("/") or "/" if self.kind == "PathPrefix" else self.path
        return self.kind, path, self.method

    @property
    def specificity(self) -> tuple[int, int]:
        """The numbers of headers and query parameters, which decide next; the greater one wins."""
        return len(self.headers), len(self.queries)

    def with_header(self, name: str, value: str) -> "HttpRouteMatch":
        """The same match with one more header; its value is empty for a regular expression."""
        headers = (*self.headers, (name, value))
        return HttpRouteMatch(self.kind, self.path, self.method, headers, self.queries)

    @property
    def without_last_header(self) -> "HttpRouteMatch":
        """The same match without its last header."""
        return HttpRouteMatch(self.kind, self.path, self.method, self.headers[:-1], self.queries)

    def is_covered_by(self, other: "HttpRouteMatch") -> bool:
        """Whether `other` matches every request of this match; both have the same path and method."""
        return set(other.headers) <= set(self.headers) and set(other.queries) <= set(self.queries)

    def overlaps(self, other: "HttpRouteMatch") -> bool:
        """Whether one request may match both: no header or query parameter has a different exact value in each."""
        return not (_contradict(self.headers, other.headers) or _contradict(self.queries, other.queries))

    def __str__(self) -> str:
        path = {"PathPrefix": "prefix", "Exact": "path", "RegularExpression": "regex"}.get(self.kind, self.kind)
        words = [f"{path} {self.path}", self.method]
        for count, what in ((len(self.headers), "header"), (len(self.queries), "query parameter")):
            words.append(f"+ {count} {what}{'s' * (count > 1)}" if count else "")
        return " ".join(word for word in words if word)


def _contradict(mine: tuple[tuple[str, str], ...], theirs: tuple[tuple[str, str], ...]) -> bool:
    """Whether a name has different exact values in the two lists."""
    return any(
        name == other_name and value and other_value and value != other_value
        for name, value in mine
        for other_name, other_value in theirs
    )


def read_matches(matches: Cursor) -> tuple[HttpRouteMatch, ...]:
    """The matches of a rule; if it has none, the one for every path that the API assumes. Raises Refused."""
    return tuple(_read_match(one) for one in matches.items("a match")) or (HttpRouteMatch(),)


def _read_match(match: Cursor) -> HttpRouteMatch:
    path = match.field("path")
    return HttpRouteMatch(
        path.field("type").text or "PathPrefix",
        path.field("value").text or "/",
        match.field("method").text,
        _read_conditions(match, "headers", "a header match"),
        _read_conditions(match, "queryParams", "a query parameter match"),
    )


def _read_conditions(match: Cursor, field: str, what: str) -> tuple[tuple[str, str], ...]:
    """Names and exact values. As the API does, it ignores a repeated name, and the case of header names."""
    found: dict[str, str] = {}
    for one in match.field(field, f"a list, each {what}").items(what):
        name = one.field("name").text
        exact = (one.field("type").text or "Exact") == "Exact"
        key = name.lower() if field == "headers" else name
        found.setdefault(key, one.field("value").text if exact else "")
    return tuple(found.items())
