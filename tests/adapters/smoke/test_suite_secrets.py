"""The values of a suite's variables stay out of its result, which goes into the journal and reports."""

from gatewayctl.adapters.smoke.suites import ChildSuites
from gatewayctl.domain.smoke import SuiteRun, SuiteSettings
from gatewayctl.domain.suite_verdicts import judge_suite
from gatewayctl.domain.trial import Suite

USER, PASSWORD = "admin", "admin/hunter2'"
SETTINGS = {"orders": SuiteSettings({"SHOP_USER": USER, "SHOP_PASSWORD": PASSWORD})}


def test_names_of_tests_paths_and_reasons_show_no_value(gateway, write, evidence):
    """A value in the id of a test was in the verdict, and a password that begins with the user's name kept its rest."""
    path = write(
        "suite/test_it.py",
        """
        import os, pytest
        from urllib.parse import quote

        PASSWORD = os.environ["SHOP_PASSWORD"]

        @pytest.mark.parametrize("password", [PASSWORD])
        def test_local(password): ...

        def test_asks(client):
            client.get("/from-nobody")

        def test_fails(client):
            client.get(f"/reset/{quote(PASSWORD, safe='')}")
            raise KeyError(PASSWORD, quote(PASSWORD, safe=""))
        """,
    )
    gateway.misrouted = lambda _number: True
    run = SuiteRun(Suite(str(path), env=("SHOP_USER", "SHOP_PASSWORD")), gateway.endpoints(), str(evidence), "orders")
    result = ChildSuites(SETTINGS).test(run, lambda _: None)

    assert result.unproven_tests[0].endswith("::test_local[<SHOP_PASSWORD>]")
    assert any("<SHOP_PASSWORD>" in text for text in result.odd_answers), result.odd_answers
    assert "<SHOP_PASSWORD>" in result.failures[0]
    assert "hunter2" not in repr((result, judge_suite(result)))
