"""A share of the unmarked requests for the canary: what chooses them, and an `if` in each location of stable.

Where the files show the server around a location, `split_clients` above the server chooses: it is allowed at the http
level only, and its variable holds for all files. Else the location chooses by the first digits of `$request_id`. Both
choose by `$request_id`: 16 random bytes that nginx (since 1.11.0) makes for each request, whatever its connection.
https://nginx.org/en/docs/http/ngx_http_split_clients_module.html
https://nginx.org/en/docs/http/ngx_http_core_module.html#var_request_id
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.nginx.canary import build_insertions
from gatewayctl.gateways.nginx.location import CanaryLocation
from gatewayctl.gateways.nginx.markers import Insertion, find_owned, indent_step, insertion_above
from gatewayctl.gateways.nginx.selector import share_selector, share_variable, variable_stem
from gatewayctl.gateways.nginx.tree import Directive, walk

_HEX = "0123456789abcdef"
_DIGITS = 4  # of $request_id: the share is exact to one in 16 ** 4 requests
_NUMBERED = re.compile(r"\$(?:[1-9]|\{[1-9]\})")


def share_insertions(places: Sequence[CanaryLocation], rule: CanaryRule) -> list[Insertion]:
    """Everything to insert for the share of `rule`; nothing if it has none. Raises Refused."""
    if not rule.share:
        return []
    server = next(_servers_of(places), None)
    if server is not None:
        selector = share_selector(rule)
        split = [_above_server(server, rule)]
    else:
        for place in places:
            _refuse_numbered_captures(place)
        selector, split = share_selector(rule, _choose_in_location(rule)), []
    return [*split, *(piece for place in places for piece in build_insertions(place.with_selector(selector)))]


def _servers_of(places: Iterable[CanaryLocation]) -> Iterator[Directive]:
    """The server around each location, where the files show it."""
    for place in places:
        for block in place.passes.config.blocks_around(place.first_directive):
            if block.name == "server":
                yield block


def _above_server(server: Directive, rule: CanaryRule) -> Insertion:
    """The split above a server, among those of other applications in the order of their names."""
    step = indent_step(server.children[0]) if server.children else "    "
    insertion = insertion_above(server, _split_lines(rule, step))
    at = insertion.at
    for block in reversed(list(find_owned(server.text))):
        if block.end == at and block.is_share and block.name > rule.share_name:
            at = block.start
    return replace(insertion, at=at)


def _split_lines(rule: CanaryRule, step: str) -> tuple[str, ...]:
    """The `split_clients` of a rule. The key has the application in it, so that other splits choose independently.

    `100%` would leave out one of 2 ** 32 hashes (`hash < last` in the module's code), so all is written as `*`.
    """
    parts = ("* on;",) if rule.share == 100 else (f"{rule.share}% on;", '* "";')
    head = f'split_clients "{variable_stem(rule)} $request_id" {share_variable(rule)} {{'
    return (head, *(f"{step}{part}" for part in parts), "}")


def _choose_in_location(rule: CanaryRule) -> tuple[str, ...]:
    """Lines of a location that set the variable of the share."""
    variable = share_variable(rule)
    if rule.share == 100:
        return (f"set {variable} on;",)
    return (
        f'set {variable} "";',
        f'if ($request_id ~ "{below(rule.share)}") {{',
        f"    set {variable} on;",
        "}",
    )


def below(share: int) -> str:
    """An expression that `share` percent (1 to 99) of all random lower-case hexadecimal numbers match.

    It matches those whose first four digits are a number below the share's part of 16 ** 4, digit by digit: equal up to
    one digit, and there a lower one.
    """
    limit = f"{round(share * 16**_DIGITS / 100):0{_DIGITS}x}"
    ways = [f"{limit[:at]}[{_HEX[: _HEX.index(digit)]}]" for at, digit in enumerate(limit) if digit != "0"]
    return f"^(?:{'|'.join(ways)})"


def _refuse_numbered_captures(place: CanaryLocation) -> None:
    """Raise Refused where a location uses `$1`: our expression would replace what the location's own one found."""
    inside = place.first_directive.text.roots if place.block is None else place.passes.config.children_of(place.block)
    for one in walk(list(inside)):
        if one.name != "rewrite" and any(_NUMBERED.search(arg) for arg in one.args):
            raise one.refusal(
                "this uses $1 to $9, and no file given shows the server around it: a share of its requests cannot be "
                "chosen there without changing them",
                hint="give the file that holds the server too, or name the part of the path: (?<name>...)",
            )
