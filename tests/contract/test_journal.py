"""The contract of ports.Journal."""

import time

import pytest

from gatewayctl.domain.errors import StaleWrite
from gatewayctl.domain.release import Phase
from tests.contract.harness import Books
from tests.contract.racing import race
from tests.contract.releases import a_release, ended


def test_an_application_that_never_had_a_release_has_no_record(books: Books) -> None:
    assert books.journal.load("orders") is None
    assert books.journal.history("orders") == ()


def test_a_release_is_loaded_as_it_was_saved(books: Books) -> None:
    release = a_release()

    saved = books.journal.save("orders", release, 0)

    assert saved.release == release
    assert books.journal.load("orders") == saved


def test_each_save_moves_the_version_up(books: Books) -> None:
    release = a_release()

    first = books.journal.save("orders", release, 0)
    second = books.journal.save("orders", release.at(Phase.LOAD), first.version)
    third = books.journal.save("orders", a_release(2), second.version)

    assert 0 < first.version < second.version < third.version
    assert books.journal.load("orders") == third


def test_a_record_that_was_written_is_soon_known_to_have_moved(books: Books) -> None:
    first = books.journal.save("orders", a_release(), 0)
    assert not books.journal.has_moved("orders", first.version)

    second = books.journal.save("orders", a_release().at(Phase.LOAD), first.version)

    deadline = time.monotonic() + 20
    while not books.journal.has_moved("orders", first.version):
        assert time.monotonic() < deadline, "waited 20 s for the journal to be known as moved"
        time.sleep(0.01)
    assert not books.journal.has_moved("orders", second.version)


def test_a_record_that_another_process_wrote_is_known_to_have_moved_when_it_must_be(books: Books) -> None:
    """k08: an abort is a write of another process, and a watch that says nothing does not hide it."""
    first = books.journal.save("orders", a_release(), 0)
    for _ in range(2):
        assert not books.journal.has_moved("orders", first.version)

    books.journal_elsewhere().save("orders", a_release().at(Phase.UNROUTE), first.version)

    must_know = time.monotonic() + books.journal.staleness
    while not books.journal.has_moved("orders", first.version) and time.monotonic() <= must_know:
        time.sleep(0.01)
    assert books.journal.has_moved("orders", first.version)


@pytest.mark.parametrize("late_by", [1, 2])
def test_a_writer_who_read_earlier_is_refused_and_changes_nothing(books: Books, late_by: int) -> None:
    first = books.journal.save("orders", a_release(), 0)
    second = books.journal.save("orders", a_release().at(Phase.LOAD), first.version)

    with pytest.raises(StaleWrite, match="orders"):
        books.journal.save("orders", a_release(9), second.version - late_by)

    assert books.journal.load("orders") == second


def test_of_several_that_begin_a_release_at_once_exactly_one_does(books: Books) -> None:
    won, lost = race(lambda number: books.journal.save("orders", a_release(number), 0))

    assert (len(won), len(lost)) == (1, 5)
    assert books.journal.load("orders") == won[0]


def test_applications_do_not_meet(books: Books) -> None:
    orders = books.journal.save("orders", ended(a_release()), 0)
    payments = books.journal.save("payments", a_release(2, "payments"), 0)

    assert books.journal.load("orders") == orders
    assert books.journal.load("payments") == payments
    assert books.journal.history("payments") == ()


def test_history_holds_ended_releases_newest_first(books: Books) -> None:
    version = 0
    for number in (1, 2):
        version = books.journal.save("orders", a_release(number), version).version
        version = books.journal.save("orders", ended(a_release(number)), version).version
    books.journal.save("orders", a_release(3), version)

    assert books.journal.history("orders") == (ended(a_release(2)), ended(a_release(1)))


def test_a_release_that_ends_twice_is_in_history_once(books: Books) -> None:
    version = books.journal.save("orders", ended(a_release()), 0).version
    books.journal.save("orders", ended(a_release()), version)

    assert books.journal.history("orders") == (ended(a_release()),)


def test_history_keeps_the_newest_and_no_more(books: Books) -> None:
    version = 0
    for number in range(books.kept + 2):
        version = books.journal.save("orders", ended(a_release(number)), version).version

    history = books.journal.history("orders")

    assert [one.id for one in history] == [a_release(number).id for number in range(books.kept + 1, 1, -1)]
