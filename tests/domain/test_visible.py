"""Control characters in text for people: shown, never obeyed."""

import json

import pytest

from gatewayctl.domain.visible import visible, visible_json

HOSTILE = {
    "clears the screen": ("\x1b[2J", r"\x1b[2J"),
    "names the window": ("\x1b]0;x\x07", r"\x1b]0;x\x07"),
    "an escape sequence in one character": ("\x9b2J", r"\x9b2J"),
    "writes over the line": ("failed\rpassed", r"failed\rpassed"),
    "takes characters back": ("no\x08\x08ok", r"no\x08\x08ok"),
    "another direction": ("\u202egpj.exe", r"\u202egpj.exe"),
    "another line end": ("a\u2028b", r"a\u2028b"),
    "half a pair": ("\ud800", r"\ud800"),
    "a null": ("\x00\x7f", r"\x00\x7f"),
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_what_a_terminal_obeys_is_shown(text, shown):
    assert visible(f"pod ✓\n\t{text}") == f"pod ✓\n\t{shown}"


@pytest.mark.parametrize("text", [text for text, _ in HOSTILE.values()], ids=HOSTILE)
def test_json_keeps_its_content_and_nothing_in_it_is_obeyed(text):
    document = visible_json(json.dumps({text: text}, ensure_ascii=False))

    assert json.loads(document) == {text: text}
    assert visible(document) == document


def test_ordinary_text_in_any_language_stays_as_it_is():
    text = "Müller → 数据 👍🏽\tعربي\u00a0<b>$(x)</b>\r\nnext"

    assert visible(text) == text
    assert visible_json(text) == text
