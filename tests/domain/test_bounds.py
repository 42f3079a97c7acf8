"""What a release holds is bounded, whatever an application answers; the case k10."""

from dataclasses import replace

import pytest

from gatewayctl.domain.bounds import LONGEST, NOTES_KEPT, shorten
from gatewayctl.domain.release import Note, Phase
from tests.contract.releases import a_release


@pytest.mark.parametrize("code", [ord("x"), ord("é"), ord('"'), 0, 0xD800])
def test_a_text_that_is_cut_says_so_and_is_cut_only_once(code):
    cut = shorten(chr(code) * 900_000)

    assert LONGEST - 10 < len(cut.encode()) <= LONGEST
    assert cut.endswith(" bytes)")
    assert "(cut: it has " in cut
    assert shorten(cut) == cut


def test_what_is_short_stays_as_it_is():
    assert shorten("x" * LONGEST) == "x" * LONGEST
    assert shorten("two\nlines, é ✓") == "two\nlines, é ✓"


def test_reason_stuck_and_notes_are_bounded_wherever_they_are_set():
    release = replace(a_release(), reason="r" * 10_000, stuck="s" * 10_000)
    note = Note(Phase.PROVE, "✗", "t" * 10_000, 0.0, 0.0, "a" * 10_000)

    texts = (release.reason, release.stuck, note.text, note.actor)
    assert [len(text.encode()) <= LONGEST for text in texts] == [True] * 4


def test_repeated_notes_are_left_out_first_and_counted():
    release = replace(a_release(), notes=())
    for phase in Phase:
        release = release.with_note(Note(phase, "✓", f"{phase} went well", 0.0, 1.0, "ci"))
    for number in range(1000):
        release = release.with_note(Note(Phase.COOL, "–", "taken up", number, 0.0, "ci"))
        release = release.with_note(Note(Phase.COOL, "✗", f"still {number} pods", number, 120.0, "ci"))

    assert len(release.notes) == NOTES_KEPT
    assert release.notes_left_out == len(Phase) + 2000 - NOTES_KEPT
    assert {note.phase for note in release.notes} == set(Phase)
    assert release.notes[-1].text == "still 999 pods"
