"""The contract of ports.Turns."""

from gatewayctl.domain.turns import TURN
from tests.contract.harness import Books
from tests.contract.racing import race

PAUSE = TURN / 5  # seconds after which everybody looks again


def look(books: Books, *releases: str) -> list[int]:
    """Everybody's place after a pause."""
    books.pass_time(PAUSE)
    return [books.turns.place(one, f"r-{one}") for one in releases]


def test_who_comes_first_has_its_turn_at_once(books: Books) -> None:
    assert not books.turns.has_line()

    assert books.turns.place("a", "r-a") == 1


def test_places_are_in_the_order_of_coming_and_stay(books: Books) -> None:
    assert [books.turns.place(one, f"r-{one}") for one in "abc"] == [1, 2, 3]

    assert look(books, *"cab") == [3, 1, 2]


def test_when_one_leaves_those_behind_it_come_forward(books: Books) -> None:
    look(books, *"abc")
    books.turns.leave("r-a")
    assert look(books, *"bc") == [1, 2]

    books.turns.leave("r-b")

    assert look(books, *"ca") == [1, 2]


def test_others_know_of_a_line_while_somebody_waits(books: Books) -> None:
    look(books, *"ab")
    look(books, *"ab")
    assert books.turns.has_line()

    books.turns.leave("r-a")
    books.turns.leave("r-b")

    assert not books.turns.has_line()


def test_to_leave_without_a_place_is_harmless(books: Books) -> None:
    books.turns.leave("r-a")
    look(books, *"ab")
    books.turns.leave("r-b")
    books.turns.leave("r-b")

    assert look(books, "a", "c") == [1, 2]


def test_who_gives_no_sign_of_life_is_passed_over(books: Books) -> None:
    """Where only the first one is observed, each silent one before us takes as long as one turn."""
    look(books, *"abc")
    for _ in range(round(2 * TURN / PAUSE) + 1):
        if look(books, "c") == [1]:
            break

    assert look(books, "a", "c") == [2, 1]


def test_who_waits_keeps_its_place_for_as_long_as_it_looks(books: Books) -> None:
    look(books, *"ab")
    for _ in range(4):
        books.turns.leave("r-a")
        assert look(books, "b", "a") == [1, 2]
        books.turns.leave("r-b")
        assert look(books, "a", "b") == [1, 2]


def test_who_does_not_use_its_turn_is_passed_over_although_it_looks(books: Books) -> None:
    """A release that is first and cannot write (its gateway is away) would hold up the way out of all others."""
    assert look(books, *"ab") == [1, 2]
    for _ in range(5):
        seen = look(books, *"ab")

    assert seen == [2, 1]


def test_of_those_that_come_at_the_same_instant_each_has_a_place_of_its_own(books: Books) -> None:
    names = "abcdef"
    won, lost = race(lambda number: books.turns.place(names[number], f"r-{names[number]}"))
    assert len(won) == 6
    assert lost == []

    assert sorted(look(books, *names)) == [1, 2, 3, 4, 5, 6]
