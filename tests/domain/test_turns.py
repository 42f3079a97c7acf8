"""The line as a value: who is in it, whose turn it is, who is passed over."""

import pytest

from gatewayctl.domain.turns import TURN, Line, ordinal

THREE = Line().stand("a", "r-a", 0.0).stand("b", "r-b", 1.0).stand("c", "r-c", 2.0)


def test_places_are_in_the_order_of_coming() -> None:
    assert [THREE.place(name) for name in ("r-a", "r-b", "r-c", "r-unknown")] == [1, 2, 3, 4]


def test_a_look_keeps_the_place_and_is_a_sign_of_life() -> None:
    looked = THREE.stand("b", "r-b", 5.0)

    assert looked.place("r-b") == 2
    assert [one.heard for one in looked.tickets] == [0.0, 5.0, 2.0]


def test_who_is_silent_is_passed_over() -> None:
    later = THREE.stand("c", "r-c", 5.0).alive(1.0 + TURN)

    assert [one.release for one in later.tickets] == ["r-c"]


def test_who_does_not_use_its_turn_is_passed_over_although_it_looks() -> None:
    line = THREE
    for now in (2.0, 4.0, 6.0):
        line = line.stand("a", "r-a", now)

    assert line.alive(TURN).place("r-b") == 1


def test_a_turn_begins_when_its_release_sees_it() -> None:
    line = THREE.leave("r-a").stand("b", "r-b", 7.0)

    assert line.alive(7.0 + TURN - 0.1).place("r-b") == 1
    assert line.alive(7.0 + TURN).find("r-b") is None


def test_who_was_passed_over_comes_back_at_the_end() -> None:
    line = THREE.leave("r-a").stand("a", "r-a", 3.0)

    assert line.place("r-a") == 3


def test_a_process_that_has_ended_is_passed_over_at_once() -> None:
    assert THREE.alive(2.0, lambda release: release == "r-a").place("r-b") == 1


@pytest.mark.parametrize(
    ("place", "words"),
    [(1, "first"), (3, "third"), (10, "tenth"), (11, "11th"), (21, "21st"), (32, "32nd"), (43, "43rd"), (112, "112th")],
)
def test_places_in_words(place: int, words: str) -> None:
    assert ordinal(place) == words
