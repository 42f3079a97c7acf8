"""Which arguments of pytest and which variables a team may set."""

import pytest

from gatewayctl.domain.pytest_options import refuse_argument, refuse_variable


@pytest.mark.parametrize(
    "arguments",
    [
        ("--junitxml=report.xml",),
        ("--junit-xml", "report.xml"),
        ("-p", "no:gatewayctl"),
        ("-pno:gatewayctl.pytest_plugin",),
        ("-vp", "no:junitxml"),
        ("-o", "cache_dir=/tmp"),
        ("-ocache_dir=/tmp",),
        ("--override-ini=junit_family=legacy",),
        ("--override-ini", "cache_dir=x"),
        ("--collect-only",),
        ("--co", "-q"),
        ("-qh",),
        ("--setup-plan",),
        ("--pdb",),
        ("-f",),
        ("--",),
        ("@more.txt",),
        ("-m", "smoke", "--version"),
    ],
)
def test_what_would_hide_what_the_suite_does_is_refused_with_the_reason(arguments):
    reason = refuse_argument(arguments)

    assert any(word in reason for word in ("gatewayctl", "no test", "nobody", "never", "checked")), reason


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "smoke and not slow", "-k", "orders", "-n", "4"),
        ("-m", "--junitxml"),  # the value of -m, wrong as it is
        ("-k", "-h"),
        ("-xvk", "name", "--maxfail=1", "--lf", "--ff"),
        ("-p", "no:randomly", "-p", "xdist"),
        ("-o", "log_cli=true", "--override-ini", "addopts=-x"),
        ("-rf", "-Werror", "--durations=5", "tests/more"),
        ("-chosen.ini",),
        (),
    ],
)
def test_what_chooses_tests_or_shows_more_is_accepted(arguments):
    assert refuse_argument(arguments) == ""


@pytest.mark.parametrize(
    "name", ["GATEWAYCTL_HOST", "GATEWAYCTL_SMOKE_CONTEXT", "BASE_URL", "PYTEST_XDIST_WORKER", "", "A B", "A=B", "1A"]
)
def test_variables_that_gatewayctl_sets_and_what_is_no_name_are_refused(name):
    assert repr(name) in refuse_variable(name) or f"{name}: gatewayctl sets it" == refuse_variable(name)


@pytest.mark.parametrize("name", ["SHOP_PASSWORD", "PYTHONPATH", "PYTEST_ADDOPTS", "no_proxy", "_x"])
def test_other_variables_may_be_set(name):
    assert refuse_variable(name) == ""
