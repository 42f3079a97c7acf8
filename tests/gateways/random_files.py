"""What the tests with random files share: how many are tried, and random layouts of YAML."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gatewayctl.domain.routing import Files

Node = Any
"""A mapping, a list, or a scalar of the test's own kind."""


def thorough(max_examples: int) -> settings:
    """Try this many files, however long that takes."""
    return settings(max_examples=max_examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Layout:
    """How a YAML file is written.

    `step`, `dash` and `gap` are blanks: before the content of a mapping, before the dash of a list item, and after it.
    `flow` names the parts in flow style: `none`, `leaves` (mappings in the items), `items`, `list` (the list of items),
    or `json` (the same, with keys in quotation marks).
    """

    step: int
    dash: int
    gap: int
    eol: str
    bom: str
    final_newline: bool
    flow: str

    @property
    def is_one_line(self) -> bool:
        """Whether the whole list of items is in one line."""
        return self.flow in {"list", "json"}

    def as_text(self, lines: Iterable[str]) -> str:
        """The text of a file with these lines."""
        return self.bom + self.eol.join(lines) + (self.eol if self.final_newline else "")


L = TypeVar("L", bound=Layout)


def layouts(kind: type[L], flows: Sequence[str], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[L]:
    """Random layouts; `more` are the fields that `kind` has besides those of Layout."""
    return st.builds(
        kind,
        step=st.integers(1, 6),
        dash=st.integers(0, 4),
        gap=st.integers(1, 3),
        eol=st.sampled_from(["\n", "\r\n"]),
        bom=st.sampled_from(["", "\ufeff"]),
        final_newline=st.booleans(),
        flow=st.sampled_from(list(flows)),
        **more,
    )


@dataclass(frozen=True)
class YamlWriter:
    """Writes data as lines of YAML. `scalar` writes a scalar; its second argument says whether in flow style.

    `comment` is put after each scalar that has a line of its own.
    """

    layout: Layout
    scalar: Callable[[Node, bool], str]
    comment: str = ""

    def inline(self, node: Node) -> str:
        """Data in flow style."""
        if isinstance(node, dict):
            keys = {name: f'"{name}"' if self.layout.flow == "json" else name for name in node}
            return "{" + ", ".join(f"{keys[name]}: {self.inline(value)}" for name, value in node.items()) + "}"
        if isinstance(node, list):
            return "[" + ", ".join(self.inline(one) for one in node) + "]"
        return self.scalar(node, True)

    def block(self, mapping: dict[str, Node], column: int) -> list[str]:
        """A mapping in block style."""
        lines: list[str] = []
        for name, value in mapping.items():
            head = " " * column + f"{name}:"
            if not isinstance(value, dict | list):
                lines.append(f"{head} {self.scalar(value, False)}{self.comment}")
            elif not value or (self.layout.flow == "leaves" and isinstance(value, dict)):
                lines.append(f"{head} {self.inline(value)}  # why")
            elif isinstance(value, dict):
                lines += [head, *self.block(value, column + self.layout.step)]
            else:
                lines += [head, *(line for one in value for line in self.item(one, column + self.layout.dash))]
        return lines

    def item(self, node: Node, column: int) -> list[str]:
        """An item of a list in block style."""
        dash = " " * column + "-" + " " * self.layout.gap
        if not isinstance(node, dict | list):
            return [dash + self.scalar(node, False)]
        if not node or self.layout.flow == "items":
            return [dash + self.inline(node)]
        first, *rest = self.block(node, column + 1 + self.layout.gap)
        return [dash + first.lstrip(" "), *rest]

    def items(self, listed: Iterable[tuple[Sequence[str], Node]], column: int) -> list[str]:
        """Items of a list, each with the comment lines above it."""
        lines: list[str] = []
        for comments, node in listed:
            lines += [" " * column + line if line else "" for line in comments]
            lines += self.item(node, column)
        return lines


def load_documents(files: Files) -> list[Any]:
    """The data of the only file as PyYAML reads it; not by our own code."""
    (file,) = files
    return list(yaml.safe_load_all(file.text.removeprefix("\ufeff")))


def check_lines_kept(layout: Layout, before: Files, after: Files) -> None:
    """Fail if a line that was there has changed or moved."""
    if layout.is_one_line:
        return  # our item is inside such a line; that the edit is undone byte for byte is tested besides
    rest = iter(after[0].text.splitlines())
    assert all(line in rest for line in before[0].text.splitlines())
