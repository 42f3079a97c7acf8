"""Text for people, without what acts on a terminal: control characters are written so that they can be read.

Names, answers, logs and files come from others. A terminal obeys escape sequences in them, and marks of writing
direction show a line in another order than it has.
"""

import re

_OBEYED = re.compile(
    "\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""The text with each control character written as `\x1b` or `\u202e`; line ends and tabs stay."""
    return text if _is_harmless(text) else _OBEYED.sub(_written, text)


def visible_json(document: str) -> str:
    """A JSON document with the same content, but what a terminal obeys is written as JSON writes it in ASCII."""
    return document if _is_harmless(document) else _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def _is_harmless(text: str) -> bool:
    return text.isprintable()  # quick, and false where there is any doubt


def _written(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == "\r":
        return "\\r"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
