"""Makes the example request of a route while a dialect reads the route's conditions, one after the other."""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from gatewayctl.domain.routing import Example

ANY_VALUE = "gatewayctl"  # where a route only asks that something is there
_GET = "GET"
_SAFE = "/:@!$&'()*+,;=~-._%"  # characters that stay as they are in a path


@dataclass(slots=True)
class ExampleMaker:
    """The conditions of one match, as far as they were read.

    `blocked` are conditions that a plain GET cannot meet. `unknown_path` says why no path follows from the rules: one
    that people name may still do.
    """

    hosts: tuple[str, ...] = ()
    path: str = "/"
    taken: str = "^/"
    unknown_path: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    query: list[tuple[str, str]] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)

    def take_prefix(self, path: str, *, whole: bool = False) -> None:
        """Every path that begins with `path`; `whole`: only where it ends, or a `/` follows."""
        bare = path.rstrip("/") if whole else path
        self.path, self.taken = path or "/", f"^{re.escape(bare)}" + ("(/|$)" if whole else "")

    def take_exactly(self, path: str) -> None:
        """This path only."""
        self.path, self.taken = path, f"^{re.escape(path)}$"

    def take_expression(self, expression: str, what: str) -> None:
        """The paths in which `expression` is found; `what` is what people call it."""
        self.unknown_path, self.taken = what, expression

    def ask_method(self, *methods: str) -> None:
        """One of these methods."""
        if methods and _GET not in methods:
            self.blocked.append(f"only {', '.join(methods)}")

    def block(self, reason: str) -> None:
        """A condition that a plain GET cannot meet."""
        self.blocked.append(reason)

    def example(self) -> Example:
        """The request, or why there is none."""
        if not self.blocked and not self.unknown_path and not self.path.startswith("/"):
            self.blocked.append(f"{self.path!r} is no path")
        if self.blocked:
            return Example(why_not=", ".join(dict.fromkeys(self.blocked)))
        query = f"?{urlencode(self.query)}" if self.query else ""
        path = "" if self.unknown_path or (query and "?" in self.path) else quote(self.path, safe=_SAFE) + query
        return Example(self.hosts, path, tuple(self.headers), self.unknown_path, "" if query else self.taken)
