"""What a second start takes from the world file."""

import pytest

from gatewayctl.adapters.sandbox.origin import take


@pytest.mark.parametrize(
    ("given", "held", "origin", "used", "remembered", "told"),
    [
        ("a", None, None, "a", "a", ""),
        ("a", "a", "a", "a", "a", ""),
        ("b", "a", "a", "b", "b", "the edit is used"),
        ("a", "a with a rule", "a", "a with a rule", "a", ""),
        ("b", "a with a rule", "a", "a with a rule", "a", "sandbox up --fresh"),
        ("b", "b", "a", "b", "b", ""),
        ("a", "a", None, "a", "a", ""),
        ("b", "a", None, "a", None, "sandbox up --fresh"),
    ],
    ids=["first", "same", "edited", "released", "both", "edited alike", "older, same", "older, edited"],
)
def test_an_edit_is_taken_where_the_sandbox_has_no_change_of_its_own(
    given: str, held: str | None, origin: str | None, used: str, remembered: str | None, told: str
) -> None:
    taken = take({"routes": given}, {"routes": held} if held else {}, {"routes": origin} if origin else {})

    assert (taken.values, taken.origin) == ({"routes": used}, {"routes": remembered} if remembered else {})
    assert len(taken.notes) == bool(told)
    assert told in "".join(taken.notes)
