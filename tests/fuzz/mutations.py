"""Changes to a gateway's file as people, merge tools and attackers make them; the file need not stay valid."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

_SCALAR = re.compile(r"[^\s\[\]{},;#'\":]+(?::[^\s\[\]{},;#'\"]+)*")  # a word with its colons, as in http://orders:80
_AFTER_KEY = re.compile(r"(?<=[:\-\w]) +(?=\S)")

TOKENS = (
    *("{{ value }}", "${value:orders}", "$(touch /tmp/x)", "`id`", "<script>alert(1)</script>", "../../etc/passwd"),
    *(
        "&a ",
        "*a",
        "<<: *a",
        "!!python/object:os.system x",
        "!t ",
        "|",
        ">-",
        "? ",
        "- ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
    ),
    *(
        "\x00",
        "\x1b[2J",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202e",
        "\ufeff",
        "\ud800",
        "\U0001f600",
        "\t",
        "\r",
        "\n",
        "\f",
        " ",
    ),
    *("'", '"', "#", "# gatewayctl:app", "{", "}", "[", "]", ",", ";", ":", "=", "\\", "\\\n", "$", "~*", "@"),
    *("null", "~", "true", "0x1F", "1_000", "2001-01-01", "1e9999", ".inf", "x" * 3000, "(a+)+$", "[" * 40, "{" * 40),
    *("orders-canary", "gatewayctl-app", "x-canary", "include *.conf;", "if ($a) {", "location / {", "return 200;"),
    *("weight: 0", "uri: lb://orders", "spring.cloud.gateway.routes[0].id=x\n", "routes: []\n", "kind: List\n"),
)
"""Words that mean something to a parser, to a terminal or to a shell."""


@dataclass(frozen=True)
class Mutation:
    """One change: `kind` is its name in MUTATIONS; `at`, `other` and `token` are numbers it chooses its places by."""

    kind: str
    at: int
    other: int
    token: int


def mutate(text: str, others: Sequence[str], mutations: Sequence[Mutation]) -> str:
    """`text` with all changes; lines that are put in come from `others`, the texts of other files."""
    for one in mutations:
        text = MUTATIONS[one.kind](text, one, others)
    return text


def mutations(most: int) -> st.SearchStrategy[list[Mutation]]:
    """One to `most` changes."""
    place = st.integers(0, 2**16)
    one = st.builds(Mutation, kind=st.sampled_from(sorted(MUTATIONS)), at=place, other=place, token=place)
    return st.lists(one, min_size=1, max_size=most)


def _chosen(among: Sequence[str], number: int) -> str:
    return among[number % len(among)] if among else ""


def _with_lines(text: str, change: Callable[[list[str]], None]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    change(lines)
    return "".join(lines)


def _duplicate_line(text: str, m: Mutation, _: Sequence[str]) -> str:
    return _with_lines(text, lambda lines: lines.insert(m.other % len(lines), lines[m.at % len(lines)]))


def _duplicate_block(text: str, m: Mutation, _: Sequence[str]) -> str:
    def change(lines: list[str]) -> None:
        start = m.at % len(lines)
        end = start + 1 + m.other % 12
        lines[start:start] = lines[start:end]

    return _with_lines(text, change)


def _delete_line(text: str, m: Mutation, _: Sequence[str]) -> str:
    return _with_lines(text, lambda lines: lines.__delitem__(m.at % len(lines)))


def _splice(text: str, m: Mutation, others: Sequence[str]) -> str:
    """Some lines of another file."""
    source = _chosen(others, m.token).splitlines(keepends=True) or ["\n"]
    start = m.other % len(source)

    def change(lines: list[str]) -> None:
        place = m.at % len(lines)
        lines[place:place] = source[start : start + 1 + m.token % 8]

    return _with_lines(text, change)


def _indent(text: str, m: Mutation, _: Sequence[str]) -> str:
    def change(lines: list[str]) -> None:
        place, columns = m.at % len(lines), m.other % 9 - 4
        line = lines[place]
        lines[place] = " " * columns + line if columns > 0 else line[min(-columns, len(line) - len(line.lstrip(" "))) :]

    return _with_lines(text, change)


def _swap_scalars(text: str, m: Mutation, _: Sequence[str]) -> str:
    found = list(_SCALAR.finditer(text))
    if len(found) < 2:
        return text
    first, second = sorted((m.at % len(found), m.other % len(found)))
    a, b = found[first], found[second]
    if first == second:
        return text
    return text[: a.start()] + b.group() + text[a.end() : b.start()] + a.group() + text[b.end() :]


def _change_scalar(text: str, m: Mutation, write: Callable[[str], str]) -> str:
    found = list(_SCALAR.finditer(text))
    if not found:
        return text
    one = found[m.at % len(found)]
    return text[: one.start()] + write(one.group()) + text[one.end() :]


def _token_for_scalar(text: str, m: Mutation, _: Sequence[str]) -> str:
    return _change_scalar(text, m, lambda _: _chosen(TOKENS, m.token))


def _insert_token(text: str, m: Mutation, _: Sequence[str]) -> str:
    place = (m.at * 31 + m.other) % (len(text) + 1)
    return text[:place] + _chosen(TOKENS, m.token) + text[place:]


def _unusual_scalar(text: str, m: Mutation, _: Sequence[str]) -> str:
    """The same word in another form: in quotation marks, with an anchor or a tag, explicit, in brackets."""
    forms = (
        "'%s'",
        '"%s"',
        "&a %s",
        "!!str %s",
        "? %s",
        "{%s: }",
        "[%s]",
        '"\\x%s"',
        "|\n      %s",
        ">-\n   %s",
        "%s # x",
    )
    return _change_scalar(text, m, lambda word: _chosen(forms, m.token).replace("%s", word))


def _break_line(text: str, m: Mutation, _: Sequence[str]) -> str:
    """A line end in the middle of a line, so that a value stands below its key."""
    found = list(_AFTER_KEY.finditer(text))
    if not found:
        return text
    one = found[m.at % len(found)]
    return text[: one.start()] + "\n" + " " * (m.other % 14) + text[one.end() :]


def _join_lines(text: str, m: Mutation, _: Sequence[str]) -> str:
    def change(lines: list[str]) -> None:
        place = m.at % len(lines)
        lines[place] = lines[place].rstrip("\r\n") + _chosen(("", " ", "\t", "\r"), m.token)

    return _with_lines(text, change)


def _other_line_ends(text: str, m: Mutation, _: Sequence[str]) -> str:
    return text.replace("\n", _chosen(("\r\n", "\r", "\n\n", "\n# x\n"), m.token))


def _truncate(text: str, m: Mutation, _: Sequence[str]) -> str:
    return text[: (m.at * 31 + m.other) % (len(text) + 1)]


MUTATIONS: dict[str, Callable[[str, Mutation, Sequence[str]], str]] = {
    "duplicate line": _duplicate_line,
    "duplicate block": _duplicate_block,
    "delete line": _delete_line,
    "splice": _splice,
    "indent": _indent,
    "swap scalars": _swap_scalars,
    "token for scalar": _token_for_scalar,
    "insert token": _insert_token,
    "unusual scalar": _unusual_scalar,
    "break line": _break_line,
    "join lines": _join_lines,
    "other line ends": _other_line_ends,
    "truncate": _truncate,
}
