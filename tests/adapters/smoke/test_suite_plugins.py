"""Suites that use other plugins of pytest, found by themselves as on a user's machine."""

import pytest

from gatewayctl.domain.suite_verdicts import judge_suite

FLAKY = """
    import itertools
    attempts = itertools.count()

    def test_steady(client): client.get("/items")
    def test_flaky(client):
        client.get("/items")
        assert next(attempts) > 0, "not yet"
    def test_never(client): assert client.get("/items") is None
"""


def test_what_passes_only_when_run_again_is_flaky(run_suite):
    result = run_suite(FLAKY, reruns=1)

    assert (result.passed, result.failed, result.flaky) == (2, 1, ("suite/test_it.py::test_flaky",))
    assert result.canary == 5


def test_without_reruns_it_has_failed(run_suite):
    result = run_suite(FLAKY)

    assert (result.passed, result.failed, result.flaky) == (1, 2, ())


@pytest.mark.parametrize("reruns", [0, 1])
def test_the_workers_of_xdist_count_every_answer(run_suite, write, reruns):
    write("suite/pytest.ini", "[pytest]\naddopts = -n 2\n")
    progress = []
    result = run_suite(
        """
        import pytest, requests

        @pytest.fixture(scope="session", autouse=True)
        def ending(base_url):
            yield
            requests.get(base_url + "/items")

        @pytest.mark.parametrize("n", range(10))
        def test_it(client, n): client.get("/items")
        """,
        tick=progress.append,
        reruns=reruns,
    )

    assert judge_suite(result).text == "10 passed, all 12 answers from the canary"
    assert progress[-1] == "10/10 passed, 12 answers from the canary"
