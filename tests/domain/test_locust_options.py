"""Which arguments of locust a team may set."""

import pytest

from gatewayctl.domain.locust_options import refuse_argument


@pytest.mark.parametrize(
    ("arguments", "decided"),
    [
        (("--users", "5"), "--users"),
        (("--item", "3", "--headless"), "--headless"),
        (("-u5",), "--users"),
        (("--tags", "fast", "-t", "5m"), "--run-time"),
        (("--host=http://shop",), "--host"),
        (("--web-p", "80"), "--web-port"),  # locust takes the start of a name, too
    ],
)
def test_an_option_that_the_release_decides_is_refused_with_its_name(arguments, decided):
    assert f"the release decides {decided}: remove it" in refuse_argument(arguments)


def test_what_would_hide_the_options_behind_it_is_refused():
    assert refuse_argument(("--item", "3", "--")).startswith("--: options that gatewayctl adds")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tags", "fast", "-E", "slow", "-T", "users"),
        ("--item", "-3", "--headers", "x", "headless", "u"),
        ("--csv=out", "--json-f", "x.json", "-L", "DEBUG", "--js"),
        ("--user-agent", "x"),
        (),
    ],
)
def test_what_is_the_teams_is_accepted(arguments):
    assert refuse_argument(arguments) == ""
