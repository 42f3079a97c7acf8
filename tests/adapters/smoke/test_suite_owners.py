"""Whose an answer is when another test runs already; suites in a real child process."""

from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.suite_verdicts import judge_suite


def unproven(result) -> list[str]:
    """The names of the tests that no answer proves."""
    assert (result.unproven > 0) is (judge_suite(result).verdict is Verdict.INCONCLUSIVE), judge_suite(result)
    return [name.rpartition("::")[2] for name in result.unproven_tests]


ASK_ON = """
    import os, threading
    from concurrent.futures import ThreadPoolExecutor
    import httpx, pytest

    POOL = ThreadPoolExecutor(2)
    ENDED, ASKED = threading.Event(), threading.Condition()

    def ask():
        assert httpx.get(os.environ["BASE_URL"] + "/items").status_code == 200

    def ask_on():
        while not ENDED.is_set():
            ask()
            with ASKED:
                ASKED.notify_all()

    def wait():
        with ASKED:
            assert ASKED.wait(20)
"""


def test_what_a_fixture_gives_to_an_executor_proves_only_tests_that_name_the_fixture(run_suite):
    """One health check that goes on in an executor proved every test of the suite."""
    result = run_suite(
        ASK_ON
        + """
    @pytest.fixture(scope="session", autouse=True)
    def always():
        asking = POOL.submit(ask_on)
        yield
        ENDED.set()
        asking.result()

    def test_local(): wait()
    def test_names_it(always): wait()
    def test_gives_it_work_itself(): POOL.submit(ask).result()
    """
    )

    assert result.canary > 2
    assert unproven(result) == ["test_local"]


def test_what_a_test_gave_to_an_executor_does_not_prove_a_later_test(run_suite):
    result = run_suite(
        ASK_ON
        + """
    def test_begins():
        POOL.submit(ask_on)
        wait()

    def test_local():
        wait()
        ENDED.set()
        POOL.shutdown()
    """
    )

    assert unproven(result) == ["test_local"]


def test_a_task_that_a_fixture_starts_proves_only_tests_that_name_the_fixture(run_suite):
    """A health check in a task of an asynchronous session fixture proved every test."""
    result = run_suite("""
        import asyncio, os
        import anyio, httpx, pytest

        pytestmark = pytest.mark.anyio

        @pytest.fixture(scope="session")
        def anyio_backend(): return "asyncio"

        @pytest.fixture(scope="session")
        async def client():
            async with httpx.AsyncClient(base_url=os.environ["BASE_URL"]) as client:
                yield client

        @pytest.fixture(scope="session", autouse=True)
        async def always(client):
            asked = asyncio.Condition()

            async def ask_on():
                while True:
                    await asyncio.wait_for(client.get("/items"), 20)
                    async with asked:
                        asked.notify_all()

            task = asyncio.create_task(ask_on())
            yield asked
            task.cancel()

        @pytest.fixture(scope="session")
        def kept(): return []

        async def test_names_it(always, kept):
            kept.append(always)
            async with always: await always.wait()

        async def test_local(kept):
            async with kept[0]: await kept[0].wait()

        async def test_asks_itself(client): await client.get("/items")

        async def test_asks_in_tasks(client):
            async with anyio.create_task_group() as group:
                group.start_soon(client.get, "/items")
    """)

    assert result.canary > 3, result.failures
    assert unproven(result) == ["test_local"]
