"""Writes data as YAML in every legal form: explicit keys, anchors, tags, all scalar styles, comments in every place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

Node = Any
"""A mapping, a list or a text."""


@dataclass
class FormWriter:
    """Writes data with `random` choices. `plain` in every hundred nodes have the usual form.

    A node is written as what follows its key's colon, or the dash of a list item, at `column`: the column of that key
    or dash.
    """

    random: Random
    plain: int = 70
    _anchors: int = field(default=0, init=False)

    def document(self, mapping: dict[str, Node]) -> str:
        """A file with one document."""
        text = self._pick(["", "---\n", "# licence\n---\n", "%YAML 1.1\n---\n", "--- # start\n", "\n"])
        text += self._lines(mapping, 0)
        text = text.removesuffix("\n") + self._pick(["\n", "", "\n\n", "\n...\n", "\n# end\n", "\n---\n"])
        if self.random.random() < 0.1:
            text = text.replace("\n", "\r\n")
        return self._pick(["", "\ufeff"]) + text

    def _pick(self, forms: Sequence[str]) -> str:
        """Mostly the first of some forms."""
        usual = self.random.randrange(100) < self.plain
        return forms[0] if usual else self.random.choice(forms)

    def _node(self, node: Node, column: int) -> str:
        """A node after a key or a dash, with its line end."""
        if isinstance(node, str):
            return self._scalar(node, column)
        if not node or self.random.randrange(100) < 20:
            return f"{self._properties(node, column, inline=True)} {self._flow(node, column + 2)}{self._end()}\n"
        return self._block(node, column)

    def _block(self, node: Node, column: int) -> str:
        write: Callable[[Any, int], str] = self._lines if isinstance(node, dict) else self._items
        deeper = column + self.random.randint(1, 4)
        return f"{self._properties(node, deeper)}\n{write(node, deeper)}"

    def _lines(self, mapping: dict[str, Node], column: int) -> str:
        blanks = " " * column
        text = ""
        for name, value in mapping.items():
            text += self._comments(column)
            if self._pick(["", "?"]):
                text += f"{blanks}? {self._key(name)}{self._end()}\n{blanks}:{self._node(value, column)}"
            else:
                text += f"{blanks}{self._key(name)}{self._pick(['', ' '])}:{self._node(value, column)}"
        return text

    def _items(self, listed: list[Node], column: int) -> str:
        blanks, text = " " * column, ""
        for item in listed:
            text += self._comments(column)
            if isinstance(item, dict) and item and self._pick(["-", ""]):
                gap = self.random.randint(1, 3)
                text += f"{blanks}-{' ' * gap}{self._lines(item, column + 1 + gap).lstrip()}"
            else:
                text += f"{blanks}-{self._node(item, column)}"
        return text

    def _key(self, name: str) -> str:
        if name.startswith("@"):
            return f'"{name}"'
        return self._pick([name, f'"{name}"', f"'{name}'", f"!!str {name}", f"&{self._anchor()} {name}"])

    def _scalar(self, text: str, column: int) -> str:
        inside = " " * (column + 2)
        half = len(text) // 2
        if text == "*":
            return f' "{text}"\n'
        folded = text.replace(" ", f"\n{inside}")
        return (
            self._pick(
                [
                    f" {text}",
                    f"\t{text}",
                    f" {text}\t",
                    f" {text} # why",
                    f"\n{inside}{text}",
                    f"\n{inside}# why\n{inside}{text}",
                    f" # why\n{inside}{text}",
                    f" {folded}",
                    f"\n{inside}{folded}",
                    f" &{self._anchor()} {text}",
                    f" &{self._anchor()}\n{inside}{text}",
                    f"\n{inside}&{self._anchor()}\n{inside}{text}",
                    f" !!str {text}",
                    f" !!str\n{inside}{text}",
                    f" !!str &{self._anchor()} {text}",
                    f' "{text}"',
                    f' "{text}" # why',
                    f" '{text}'",
                    f"\n{inside}'{text}'",
                    f' "{text[:half]}\\\n{inside}{text[half:]}"',
                    f' "{folded}"',
                    f" '{folded}'",
                    # The comment ends the text: one that stands deeper would be a part of it.
                    f" |-\n{inside}{text}\n# end",
                    f" |2-\n{inside}{text}\n# end",
                    f" >-2 # why\n{inside}{text}\n# end",
                    f" >-\n{inside}{text}\n\n# end",
                    f"\n{inside}|-\n{inside}{text}\n# end",
                ]
            )
            + "\n"
        )

    def _flow(self, node: Node, column: int) -> str:
        line = "\n" + " " * column
        gap = self._pick(["", " ", line, f" # why{line}"])
        if isinstance(node, str):
            return f'{gap}"{node}"' if self._pick(['"', ""]) or set(node) & set(",[]{}:#") else f"{gap}'{node}'"
        trail = self._pick(["", ","]) if node else ""
        if isinstance(node, dict):
            pairs = [f"{gap}{self._flow_key(name)}: {self._flow(value, column)}" for name, value in node.items()]
            return "{" + ",".join(pairs) + trail + gap + "}"
        return "[" + ",".join(f"{gap}{self._flow(item, column)}" for item in node) + trail + gap + "]"

    def _flow_key(self, name: str) -> str:
        return f'"{name}"' if name.startswith("@") else self._pick([name, f'"{name}"', f"'{name}'"])

    def _properties(self, node: Node, column: int, *, inline: bool = False) -> str:
        tag = "!!map" if isinstance(node, dict) else "!!seq"
        below = f"\n{' ' * column}"
        forms = ["", f" {tag}", f" &{self._anchor()}", f" {tag} &{self._anchor()}"]
        if not inline:
            forms += [" # why", f" &{self._anchor()} # why", f"{below}&{self._anchor()}", f"{below}{tag} # why", "\n"]
        return self._pick(forms)

    def _comments(self, column: int) -> str:
        blanks = " " * column
        return self._pick(["", f"{blanks}# why\n", "# why\n", "\n", f"\n{blanks}# why\n", "      # deep\n"])

    def _end(self) -> str:
        return self._pick(["", " ", "\t", " # why", "\t# why"])

    def _anchor(self) -> str:
        self._anchors += 1
        return f"a{self._anchors}"
