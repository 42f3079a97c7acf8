"""Every passed test of a suite has an answer of the canary, or is unproven; suites in a real child process."""

import json

import pytest

from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.suite_verdicts import judge_suite
from gatewayctl.domain.unproven import Unproven

BASE = "from os import environ\nBASE = environ['BASE_URL']\n"


def unproven(result) -> list[str]:
    """The names of the tests that no answer proves."""
    assert result.unproven == len(result.unproven_tests)
    assert (result.unproven > 0) is (judge_suite(result).verdict is Verdict.INCONCLUSIVE), judge_suite(result)
    return [name.rpartition("::")[2] for name in result.unproven_tests]


def test_answers_to_one_test_prove_no_other(run_suite):
    """Issue 13: ten tests that stable answered and one ping of the canary passed as a suite."""
    result = run_suite("""
        import os, socket
        from urllib.parse import urlsplit
        import httpx, pytest

        @pytest.mark.parametrize("n", range(10))
        def test_shop(n, gw):
            at = urlsplit(gw.urls[0])
            with socket.create_connection((at.hostname, at.port)) as client:  # a library that nobody knows
                client.sendall(f"GET /items HTTP/1.0\\r\\nHost: {gw.host}\\r\\n\\r\\n".encode())
                assert b"200 OK" in client.recv(9999)

        def test_ping():
            assert httpx.get(os.environ["BASE_URL"] + "/items").status_code == 200
    """)

    judgement = judge_suite(result)
    assert (result.passed, result.canary, result.unproven) == (11, 1, 10)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.text.startswith(
        "10 of 11 passed tests got no answer from the canary: suite/test_it.py::test_shop[0], "
        "suite/test_it.py::test_shop[1], suite/test_it.py::test_shop[2] and 7 more; send its requests to"
    )


def test_answers_of_children_and_threads_count_for_the_test_that_started_them(run_suite):
    result = run_suite("""
        import multiprocessing, os, threading
        from concurrent.futures import ThreadPoolExecutor
        import httpx, pytest

        POOL = ThreadPoolExecutor(1)

        def ask():
            httpx.get(os.environ["BASE_URL"] + "/items")

        @pytest.fixture(scope="module", autouse=True)
        def warm():
            POOL.submit(ask).result()

        def test_forked_child_that_leaves_at_once():
            pid = os.fork()
            if not pid:
                ask()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0

        def test_child_that_closes_every_file():
            pid = os.fork()
            if not pid:
                os.closerange(3, 256)
                ask()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0

        def test_pool_of_processes():
            with multiprocessing.get_context("fork").Pool(1) as pool:
                pool.apply(ask)

        def test_thread():
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()

        def test_executor_whose_thread_a_fixture_started():
            POOL.submit(ask).result()
    """)

    assert judge_suite(result).text == "5 passed, all 6 answers from the canary"


def test_answers_of_a_program_that_marks_its_requests_count_for_the_test_that_started_it(run_suite):
    result = run_suite("""
        import subprocess, sys, textwrap
        import pytest

        PROGRAM = textwrap.dedent('''
            import os, time, sys
            from gatewayctl.child_process.marked_process import mark_process
            from gatewayctl.child_process.run_context import read_run_context
            mark_process(read_run_context())
            mark_process(read_run_context())
            import httpx
            for _ in sys.stdin:
                print(httpx.get(os.environ["BASE_URL"] + "/items").status_code, flush=True)
        ''')

        def start():
            return subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=-1, stdout=-1, text=True)

        def ask(program):
            print("once", file=program.stdin, flush=True)
            assert program.stdout.readline() == "200\\n"

        @pytest.fixture(scope="module")
        def service():
            with start() as program:
                yield program

        def test_own_program():
            with start() as program:
                ask(program)

        def test_program_of_a_fixture(service): ask(service)
        def test_without(): ...
    """)

    assert (result.passed, result.canary) == (3, 2), result.failures
    assert unproven(result) == ["test_without"]


@pytest.mark.parametrize("pointer", ["", "/pod"])
def test_an_answer_to_a_program_of_another_language_is_handed_in(run_suite, pointer):
    result = run_suite(
        """
        import socket
        from urllib.parse import urlsplit
        import pytest

        def ask(gw, path):
            '''What curl -i prints.'''
            at = urlsplit(gw.urls[0])
            [(name, value)] = gw.header.items()
            with socket.create_connection((at.hostname, at.port)) as connection:
                head = f"GET {path} HTTP/1.1", f"Host: {gw.host}", f"{name}: {value}", "Connection: close"
                connection.sendall("\\r\\n".join([*head, "", ""]).encode())
                return b"".join(iter(lambda: connection.recv(9999), b"")).decode()

        def test_printed(gw, count_answer):
            count_answer(ask(gw, "/items"))

        def test_redirects(gw, count_answer):
            redirect, _, _ = ask(gw, "/redirect").partition("\\r\\n\\r\\n")
            count_answer("HTTP/1.1 100 Continue\\r\\n\\r\\n" + redirect + "\\r\\n\\r\\n" + ask(gw, "/items"))

        def test_forgotten(gw):
            ask(gw, "/items")

        @pytest.mark.gatewayctl(unproven="the text is none")
        @pytest.mark.parametrize("text", ["", "no answer", "HTTP/1.1", "HTTP/1.1 ok", "HTTP/1.1 100 Continue"])
        def test_other_text(count_answer, text):
            with pytest.raises(ValueError, match="curl -i"):
                count_answer(text)
        """,
        pointer=pointer,
    )

    assert (result.passed, result.canary, result.stable, result.unknown) == (8, 3, 0, 0), result.failures
    assert unproven(result) == ["test_forgotten"]


def test_what_a_killed_suite_was_answered_is_not_lost(run_suite):
    result = run_suite("""
        import os

        def test_it(client):
            client.get("/items")
            os.kill(os.getpid(), 9)
    """)

    assert (result.canary, result.exit_code) == (1, -9)


FIXTURES = f"""
    import httpx, pytest
    {BASE.splitlines()[0]}
    {BASE.splitlines()[1]}

    def ask():
        return httpx.get(BASE + "/items").json()

    @pytest.fixture(scope="session")
    def items():
        return ask()

    @pytest.fixture
    def first(items):
        return items

    @pytest.fixture
    def in_code(request):
        return request.getfixturevalue("items")
"""


def test_an_answer_to_a_fixture_counts_for_each_test_that_names_it(run_suite, write, evidence):
    write("suite/conftest.py", FIXTURES)
    result = run_suite("""
        import pytest

        def test_by_argument(items): assert items
        def test_through_a_fixture(first): assert first
        def test_asked_for(request): assert request.getfixturevalue("items")
        def test_asked_for_by_a_fixture(in_code): assert in_code
        @pytest.mark.usefixtures("items")
        def test_by_mark(): ...
        @pytest.mark.usefixtures("first")
        class TestClass:
            def test_method(self): ...
        def test_without(): ...
    """)

    assert (result.passed, result.canary) == (7, 1)
    assert unproven(result) == ["test_without"]
    kept = json.loads((evidence / "answers.json").read_text())["tests"]
    named = [name.rpartition("::")[2] for name, one in kept.items() if one.get("fixtures") == ["items"]]
    assert len(named) == 6
    assert "test_without" not in named


def test_one_ping_that_every_test_has_proves_no_test(run_suite, write):
    write(
        "suite/conftest.py",
        FIXTURES
        + """
    @pytest.fixture(scope="session", autouse=True)
    def ping(request):
        ask()
        request.getfixturevalue("items")
        yield
        ask()
    """,
    )
    result = run_suite("""
        import pytest
        from conftest import ask

        def setup_module(): ask()

        class TestClass:
            @classmethod
            def setup_class(cls): ask()
            def test_method(self): ...

        def test_names_it(ping): ...
        def test_does_not(): ...
        def test_last(): ...
    """)

    assert (result.passed, result.canary) == (4, 5)
    assert unproven(result) == ["test_method", "test_does_not", "test_last"]


def test_what_runs_before_each_test_is_part_of_the_test(run_suite, write):
    write("suite/conftest.py", FIXTURES)
    result = run_suite("""
        import unittest
        from conftest import ask

        class TestPlain:
            def setup_method(self): self.items = ask()
            def test_method(self): assert self.items

        class TestCase(unittest.TestCase):
            def setUp(self): self.items = ask()
            def test_case(self):
                for n in range(3):
                    with self.subTest(n=n):
                        assert self.items
    """)

    assert judge_suite(result).text == "2 passed, all 2 answers from the canary"


def test_a_set_up_counts_for_its_own_module_and_parameter_only(run_suite, write):
    write(
        "suite/conftest.py",
        FIXTURES
        + """
    @pytest.fixture(scope="module", params=["asks", "does not"])
    def state(request):
        if request.param == "asks" and request.module.__name__ == "test_it":
            ask()
    """,
    )
    write("suite/test_other.py", "def test_other(state): ...")
    result = run_suite("def test_it(state): ...")

    assert unproven(result) == ["test_it[does not]", "test_other[asks]", "test_other[does not]"]


def test_a_fixture_that_replaces_another_one_needs_an_answer_of_its_own(run_suite, write):
    write("suite/conftest.py", FIXTURES)
    write("suite/inner/conftest.py", "import pytest\n@pytest.fixture(scope='session')\ndef items(): ...\n")
    write(
        "suite/outer/conftest.py", "import pytest\n@pytest.fixture(scope='session')\ndef items(items): return items\n"
    )
    write("suite/first/test_first.py", "def test_first(items): ...")
    write("suite/inner/test_inner.py", "def test_inner(items): ...")
    write("suite/outer/test_outer.py", "def test_outer(items): ...")
    result = run_suite("def test_it(items): ...")

    assert unproven(result) == ["test_inner"]


def test_a_thread_of_a_fixture_proves_only_tests_that_name_the_fixture(run_suite, write):
    write(
        "suite/conftest.py",
        FIXTURES
        + """
    import threading

    @pytest.fixture(scope="session", autouse=True)
    def always():
        ended, asked = threading.Event(), threading.Condition()

        def ask_on():
            while not ended.is_set():
                ask()
                with asked:
                    asked.notify_all()

        thread = threading.Thread(target=ask_on)
        thread.start()
        yield asked
        ended.set()
        thread.join()
    """,
    )
    result = run_suite("""
        import pytest

        @pytest.fixture
        def asked(pytestconfig): return pytestconfig.asked

        def test_names_it(always, pytestconfig):
            pytestconfig.asked = always
            with always: assert always.wait(20)

        def test_does_not(asked):
            with asked: assert asked.wait(20)
    """)

    assert result.canary > 1
    assert unproven(result) == ["test_does_not"]


def test_an_answer_in_teardown_proves_nothing(run_suite):
    result = run_suite("""
        import pytest

        @pytest.fixture
        def tidy(client):
            yield
            client.get("/items")

        def test_it(tidy): ...
    """)

    assert result.canary == 1
    assert unproven(result) == ["test_it"]


@pytest.mark.parametrize("options", ["", "-n 2"])
def test_an_answer_to_an_attempt_that_failed_does_not_prove_the_next_one(run_suite, write, options):
    write("suite/pytest.ini", f"[pytest]\naddopts = {options}\n")
    result = run_suite(
        """
        import itertools
        attempts = itertools.count()

        def test_flaky(client):
            if next(attempts) == 0:
                client.get("/items")
                assert 0
        """,
        reruns=1,
    )

    assert (result.flaky, result.canary) == (("test_it.py::test_flaky",), 1)
    assert unproven(result) == ["test_flaky"]


def test_tests_that_need_no_answer_are_marked_with_their_reason(run_suite, write):
    write("suite/pytest.ini", "[pytest]\naddopts = --strict-markers\n")
    write(
        "suite/test_page.py",
        "import pytest\npytestmark = pytest.mark.gatewayctl(unproven='no page')\ndef test_page(): ...",
    )
    result = run_suite("""
        import pytest

        def test_it(client): client.get("/items")

        @pytest.mark.gatewayctl(unproven="only arithmetic")
        def test_marked(): ...

        @pytest.mark.gatewayctl(unproven="only arithmetic")
        class TestClass:
            def test_method(self): ...

        @pytest.mark.gatewayctl(unproven=" ")
        def test_blank(): ...

        @pytest.mark.gatewayctl
        def test_without_reason(): ...

        @pytest.mark.skip
        def test_skipped(): ...

        @pytest.mark.xfail
        def test_expected_to_fail(): assert 0
    """)

    assert (result.passed, result.excused, result.skipped) == (6, 3, 2)
    assert unproven(result) == ["test_blank", "test_without_reason"]


def test_the_configuration_may_name_tests_that_need_no_answer(run_suite, write, evidence):
    write("suite/test_page.py", "def test_page(): ...")
    wanted = (Unproven("suite/test_page.py", "no page"), Unproven("test_it.py::test_sum", "only arithmetic"))
    result = run_suite(
        """
        import pytest

        def test_it(client): client.get("/items")
        @pytest.mark.parametrize("n", range(2))
        def test_sum(n): ...
        def test_summary(): ...
        """,
        unproven=wanted,
    )

    assert (result.passed, result.excused) == (5, 3)
    assert unproven(result) == ["test_summary"]
    kept = json.loads((evidence / "answers.json").read_text())
    assert list(kept["tests"])[-1] == "suite/test_it.py::test_it"
    assert kept["tests"]["suite/test_it.py::test_it"] == {
        "outcome": "passed",
        "answers": {"canary": 1},
        "proven": True,
    }
    assert kept["tests"]["suite/test_page.py::test_page"]["needs_none"] == "no page"
    assert (kept["collected"], kept["answers"]["canary"], kept["tests_left_out"]) == (5, 1, 0)


def test_a_suite_of_tests_that_need_no_answer_is_still_invalid(run_suite):
    result = run_suite("import pytest\n@pytest.mark.gatewayctl(unproven='no page')\ndef test_it(): ...")

    assert judge_suite(result).text.startswith("invalid: 1 passed, but no request reached the canary")


@pytest.mark.parametrize("options", ["", "-n 1", "-p no:terminal"])
def test_a_session_that_ends_early_with_exit_code_0_does_not_pass(run_suite, write, options):
    """Issue 13: one of three tests ran."""
    write("suite/pytest.ini", f"[pytest]\naddopts = {options}\n")
    result = run_suite("""
        import pytest

        def test_first(client): client.get("/items")
        def test_second(): pytest.exit("enough", returncode=0)
        def test_third(client): client.get("/items")
    """)

    assert (result.passed, result.collected) == (1, 3)
    assert judge_suite(result).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("options", "passed"),
    [
        ("-k first", 1),
        ("--deselect test_it.py::test_first", 1),
        ("-n 2 --dist=loadfile", 2),
        ("-n 2 --dist=each", 2),
        ("-n 2 --dist=loadgroup", 2),
        ("-p no:terminal", 2),
        ("--keep-duplicates . .", 2),
    ],
)
def test_every_test_that_pytest_chose_has_a_result(run_suite, write, tmp_path, monkeypatch, options, passed):
    write("suite/pytest.ini", f"[pytest]\naddopts = {options}\n")
    monkeypatch.chdir(tmp_path / "suite")
    result = run_suite("""
        import pytest

        @pytest.mark.xdist_group("one")
        def test_first(client): client.get("/items")
        def test_second(client): client.get("/items")
    """)

    assert (result.passed, result.collected) == (passed, passed)
    assert judge_suite(result).verdict is Verdict.PASS, judge_suite(result).text


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan"])
def test_a_suite_that_only_collects_is_invalid(run_suite, write, option):
    write("suite/pytest.ini", f"[pytest]\naddopts = {option}\n")
    result = run_suite("def test_it(client): client.get('/items')")

    assert judge_suite(result).text == "invalid: 1 test was collected, but none has a result"


def test_a_test_that_passed_and_skips_in_its_teardown_has_passed(run_suite):
    result = run_suite("""
        import pytest

        @pytest.fixture
        def leaving():
            yield
            pytest.skip("nothing to tidy")

        def test_it(leaving): ...
        def test_asks(client): client.get("/items")
    """)

    assert (result.passed, result.skipped) == (2, 0)
    assert unproven(result) == ["test_it"]


def test_a_pytest_inside_a_test_adds_answers_and_no_tests(run_suite, write):
    write("inner/test_inner.py", "import httpx, os\ndef test_inner(): httpx.get(os.environ['BASE_URL'] + '/items')")
    result = run_suite("""
        import subprocess, sys
        from pathlib import Path

        def test_it():
            inner = Path(__file__).parent.parent / "inner"
            subprocess.run([sys.executable, "-m", "pytest", inner, "-p", "no:cacheprovider"], check=True)
    """)

    assert judge_suite(result).text == "1 passed, its one answer from the canary"


def test_a_suite_is_no_part_of_the_test_that_started_gatewayctl(run_suite, monkeypatch):
    monkeypatch.setenv("GATEWAYCTL_OUTER_TEST", "outer.py::test_outer (call)")
    monkeypatch.setenv("GATEWAYCTL_FIXTURE_SETUP", "1-1")
    result = run_suite("def test_it(client): client.get('/items')")

    assert judge_suite(result).text == "1 passed, its one answer from the canary"
