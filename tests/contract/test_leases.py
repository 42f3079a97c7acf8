"""The contract of ports.Leases."""

import pytest

from gatewayctl.domain.errors import Busy
from tests.contract.harness import Books


def test_a_lease_that_is_free_is_taken(books: Books) -> None:
    assert books.leases.holder("orders") is None
    me = books.here("me")

    books.leases.acquire("orders", me)

    assert books.leases.holder("orders") == me


def test_a_lease_of_a_live_holder_is_busy_and_says_whose_it_is(books: Books) -> None:
    me, you = books.here("me"), books.here("you")
    books.leases.acquire("orders", me)

    with pytest.raises(Busy, match="me on"):
        books.leases.acquire("orders", you)

    assert books.leases.holder("orders") == me


def test_the_same_holder_may_take_it_again(books: Books) -> None:
    me = books.here("me")
    books.leases.acquire("orders", me)
    books.leases.acquire("orders", me)

    assert books.leases.holder("orders") == me


def test_applications_have_leases_of_their_own(books: Books) -> None:
    me, you = books.here("me"), books.here("you")
    books.leases.acquire("orders", me)
    books.leases.acquire("payments", you)

    assert (books.leases.holder("orders"), books.leases.holder("payments")) == (me, you)


def test_a_lease_given_back_is_free(books: Books) -> None:
    me, you = books.here("me"), books.here("you")
    books.leases.acquire("orders", me)
    books.leases.release("orders", me)

    assert books.leases.holder("orders") is None
    books.leases.acquire("orders", you)
    assert books.leases.holder("orders") == you


def test_giving_back_what_is_another_ones_is_harmless(books: Books) -> None:
    me, you = books.here("me"), books.here("you")
    books.leases.acquire("orders", me)
    books.leases.release("orders", you)
    books.leases.release("payments", you)

    assert books.leases.holder("orders") == me


def test_a_holder_that_is_provably_gone_is_followed_at_once(books: Books) -> None:
    me, you = books.here("me"), books.here("you")
    books.leases.acquire("orders", me)
    books.end_process(me)

    assert books.leases.holder("orders") is None
    books.leases.acquire("orders", you)

    assert books.leases.holder("orders") == you


def test_a_silent_holder_elsewhere_is_followed_only_when_its_time_is_over(books: Books) -> None:
    there, me = books.elsewhere("there"), books.here("me")
    books.leases.acquire("orders", there)
    books.pass_time(books.ttl * 0.9)
    with pytest.raises(Busy):
        books.leases.acquire("orders", me)

    books.pass_time(books.ttl * 0.2)
    books.leases.acquire("orders", me)

    assert books.leases.holder("orders") == me


def test_a_renewed_lease_lives_on(books: Books) -> None:
    there, me = books.elsewhere("there"), books.here("me")
    books.leases.acquire("orders", there)
    for _ in range(3):
        books.pass_time(books.ttl * 0.6)
        books.leases.renew("orders", there)

    with pytest.raises(Busy):
        books.leases.acquire("orders", me)


def test_who_was_taken_over_from_learns_it_when_renewing(books: Books) -> None:
    there, me = books.elsewhere("there"), books.here("me")
    books.leases.acquire("orders", there)
    books.pass_time(books.ttl * 1.1)
    books.leases.acquire("orders", me)

    with pytest.raises(Busy, match="me on"):
        books.leases.renew("orders", there)
    books.leases.release("orders", there)

    assert books.leases.holder("orders") == me


def test_who_was_taken_over_from_has_it_again_once_the_other_has_given_it_back(books: Books) -> None:
    there, me = books.elsewhere("there"), books.here("me")
    books.leases.acquire("orders", there)
    books.pass_time(books.ttl * 1.1)
    books.leases.acquire("orders", me)
    books.leases.release("orders", me)

    books.leases.renew("orders", there)

    assert books.leases.holder("orders") == there
