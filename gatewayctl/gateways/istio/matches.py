"""The matches of an HTTP route, and what they say of the requests that it takes."""

from dataclasses import dataclass

from gatewayctl.domain.routing import Header
from gatewayctl.gateways.yamltext.cursor import Cursor

MESH = "mesh"
"""The name that stands for all sidecars in a list of gateways."""
_EVERY_PATH = frozenset({("", ""), ("prefix", ""), ("prefix", "/"), ("regex", ".*")})
# Fields that change which requests match, beside uri, headers and queryParams.
_OF_REQUEST = ("method", "authority", "scheme", "withoutHeaders")
_OF_PROXY = ("port", "gateways", "sourceLabels", "sourceNamespace")


@dataclass(frozen=True, slots=True)
class TextMatch:
    """What a text is compared with. `kind` is exact, prefix or regex; empty: it only has to be there."""

    kind: str = ""
    value: str = ""

    def may_match(self, text: str) -> bool:
        """Whether `text` may match; an expression may always."""
        if self.kind == "exact":
            return self.value == text
        return self.kind != "prefix" or text.startswith(self.value)


Named = tuple[tuple[str, TextMatch], ...]


@dataclass(frozen=True, slots=True)
class HttpMatch:
    """One match. Names of headers are in lower case; `others` are the names of all other conditions it has."""

    uri: TextMatch = TextMatch()
    headers: Named = ()
    without: Named = ()
    queries: Named = ()
    method: TextMatch | None = None
    authority: TextMatch | None = None
    gateways: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def is_last(self) -> bool:
        """Whether Istio puts it below all other routes of its host: every path, and no condition of the request."""
        is_plain = (self.uri.kind, self.uri.value) in _EVERY_PATH and not (self.headers or self.queries)
        return is_plain and not set(self.others) & set(_OF_REQUEST)

    @property
    def takes_all(self) -> bool:
        """Whether it takes every request on every gateway: Istio leaves out all that is below it in its object."""
        return self.is_last and not set(self.others) & set(_OF_PROXY)

    @property
    def is_for_sidecars_only(self) -> bool:
        """Whether no gateway uses it."""
        return self.gateways == (MESH,)

    def tests(self, name: str) -> bool:
        """Whether it asks for a header, or for its absence."""
        return name in dict(self.headers) or name in dict(self.without)

    def may_take(self, header: Header, other: "HttpMatch") -> bool:
        """Whether it asks for the header of a canary, and may take a request of `other` that carries it."""
        found = dict(self.headers).get(header.name)
        return found is not None and found.may_match(header.value) and _may_overlap(self.uri, other.uri)

    def without_header(self, name: str) -> "HttpMatch":
        """The same match without one of its headers."""
        headers = tuple(one for one in self.headers if one[0] != name)
        return HttpMatch(self.uri, headers, self.without, self.queries, self.method, self.authority, (), self.others)

    def __str__(self) -> str:
        path = {"exact": "path", "": "prefix"}.get(self.uri.kind, self.uri.kind)
        words = [f"{path} {self.uri.value or '/'}", self.method.value if self.method else ""]
        if self.authority:
            words.append(f"host {self.authority.value}")
        counted = (len(self.headers) + len(self.without), "header"), (len(self.queries), "query parameter")
        words += [f"+ {count} {what}{'s' * (count > 1)}" for count, what in counted if count]
        return " ".join(word for word in words if word)


def _may_overlap(one: TextMatch, other: TextMatch) -> bool:
    """Whether two conditions may match one path."""
    if "regex" in {one.kind, other.kind}:
        return True
    if one.kind == other.kind == "exact":
        return one.value == other.value
    if one.kind == "exact":
        return one.value.startswith(other.value)
    if other.kind == "exact":
        return other.value.startswith(one.value)
    return one.value.startswith(other.value) or other.value.startswith(one.value)


def read_matches(matches: Cursor) -> tuple[HttpMatch, ...]:
    """The matches of a route; if it has none, the one for every request that Istio assumes. Raises Refused."""
    return tuple(_read_match(one) for one in matches.items("a match")) or (HttpMatch(),)


def _read_match(match: Cursor) -> HttpMatch:
    found = match.fields
    return HttpMatch(
        _read_text(match.field("uri")),
        tuple((name.lower(), text) for name, text in _read_named(match.field("headers", "a map of headers"))),
        tuple((name.lower(), text) for name, text in _read_named(match.field("withoutHeaders", "a map of headers"))),
        _read_named(match.field("queryParams", "a map of query parameters")),
        _read_text(match.field("method")) if "method" in found else None,
        _read_text(match.field("authority")) if "authority" in found else None,
        tuple(one.text for one in match.field("gateways", "a list of gateways").items("a gateway")),
        tuple(name for name in (*_OF_REQUEST, *_OF_PROXY) if name in found),
    )


def _read_text(condition: Cursor) -> TextMatch:
    for kind in ("exact", "prefix", "regex"):
        if kind in condition.fields:
            return TextMatch(kind, condition.field(kind).text)
    return TextMatch()


def _read_named(conditions: Cursor) -> Named:
    return tuple((name, _read_text(conditions.field(name, "a condition"))) for name in conditions.fields)
