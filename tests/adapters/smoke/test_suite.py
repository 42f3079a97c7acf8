"""pytest suites in a real child process, against a real gateway."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.suite_verdicts import judge_suite
from tests.adapters.smoke.gateway import HEADER, HOST, run_gateway


def test_the_fixtures_reach_the_canary_through_every_replica(gateway, run_suite):
    result = run_suite("""
        def test_marked(client):
            for _ in range(4):
                assert client.get("/items").json()["pod"].startswith("orders-canary")

        def test_side_by_side(client, stable_client, canary_headers, base_url):
            assert client.get("/items").json() != stable_client.get("/items").json()
            assert stable_client.get("/items", headers=canary_headers).json()["pod"].startswith("orders-canary")
            assert client.base_url == base_url

        def test_the_gateway(gw, client):
            client.get("/items")
            assert gw.release == "r-7f3c" and gw.header == {"x-canary": "r-7f3c"} and gw.host == "shop.example.com"
            assert gw.base_url == gw.urls[0] and len(gw.urls) == 2
            with gw.unmarked(), gw.client() as client:
                del client.headers["x-canary"]
                assert client.get("/items").json()["pod"].startswith("orders-77c")
    """)

    assert judge_suite(result).text == "3 passed, all 7 answers from the canary"
    assert result.baseline == 2
    assert {seen.replica for seen in gateway.seen if seen.mark} == set(gateway.urls)
    assert {seen.host for seen in gateway.seen} == {HOST}


def test_test_files_that_know_nothing_of_us_are_marked_and_attributed(gateway, run_suite):
    result = run_suite("""
        import asyncio, os, pytest

        BASE = os.environ["BASE_URL"]

        def test_requests():
            import requests
            with requests.Session() as session:
                assert session.get(BASE + "/items").ok
                assert session.get(BASE + "/redirect").json()["pod"].startswith("orders-canary")

        def test_httpx():
            import httpx
            assert httpx.get(BASE + "/items").status_code == 200
            assert httpx.get(BASE + "/redirect", follow_redirects=True).json()["pod"].startswith("orders-canary")

        def test_async():
            import httpx
            async def ask():
                async with httpx.AsyncClient(base_url=BASE) as client:
                    return await client.get("/items")
            assert asyncio.run(ask()).json()["pod"].startswith("orders-canary")

        @pytest.mark.gatewayctl(unproven="asks for nothing")
        def test_variables():
            names = ("GATEWAYCTL_BASE_URL", "GATEWAYCTL_HOST", "GATEWAYCTL_HEADER_NAME", "GATEWAYCTL_HEADER_VALUE")
            assert [os.environ[name] for name in names] == [BASE, "shop.example.com", "x-canary", "r-7f3c"]
            assert BASE in os.environ["GATEWAYCTL_URLS"].split() and "GATEWAYCTL_CA" not in os.environ
    """)

    # Every hop of a redirect is an answer, and each counts once.
    assert judge_suite(result).text == "4 passed, 1 without need of an answer, all 7 answers from the canary"
    assert {(seen.host, seen.mark) for seen in gateway.seen} == {(HOST, HEADER.value)}


def test_what_a_test_says_itself_is_left_alone(gateway, run_suite):
    with run_gateway(replicas=1) as elsewhere:
        result = run_suite(f"""
            import httpx, requests

            def test_other_value(client):
                assert client.get("/items", headers={{"x-canary": "wrong"}}).json()["pod"].startswith("orders-77c")

            def test_other_host(base_url):
                requests.get(base_url + "/items", headers={{"Host": "other.example.com"}})

            def test_other_address():
                httpx.get("{elsewhere.urls[0]}/items")
                requests.get("{elsewhere.urls[0]}/items")
        """)

    assert (result.canary, result.baseline) == (1, 1)
    assert [seen.host for seen in gateway.seen] == [HOST, "other.example.com"]
    assert {(seen.mark, seen.host) for seen in elsewhere.seen} == {("", elsewhere.urls[0].removeprefix("http://"))}


def test_a_streamed_answer_is_left_for_the_test_to_read(run_suite):
    result = run_suite(
        """
        import requests

        def test_httpx(client):
            with client.stream("GET", "/items") as answer:
                assert not answer.is_stream_consumed
                assert b"orders-canary" in answer.read()

        def test_requests(base_url):
            with requests.get(base_url + "/items", stream=True) as answer:
                assert b"orders-canary" in answer.raw.read()

        def test_whole(client):
            client.get("/items")

        def test_unread(base_url):
            requests.get(base_url + "/items", stream=True).raw.close()
        """,
        pointer="/pod",
    )

    assert judge_suite(result).text == "4 passed, all 4 answers from the canary"


def test_a_suite_that_never_touches_the_canary_is_invalid(run_suite):
    nothing = run_suite("def test_it(): assert 1 + 1 == 2")
    stable = run_suite("def test_it(stable_client): assert stable_client.get('/items').status_code == 200")

    assert judge_suite(nothing).verdict is judge_suite(stable).verdict is Verdict.INCONCLUSIVE
    assert judge_suite(nothing).text.startswith("invalid: 1 passed, but no request reached the canary; ")
    assert judge_suite(stable).text.startswith(
        "invalid: 1 passed, but no request reached the canary (1 without the mark); "
    )


def test_a_suite_without_tests_or_with_only_skipped_ones_is_invalid(run_suite):
    none = run_suite("x = 1")
    skipped = run_suite(
        "import pytest\n@pytest.mark.skip\ndef test_it(): ...\n@pytest.mark.xfail\ndef test_b(): assert 0"
    )

    assert (none.exit_code, judge_suite(none).text) == (5, "invalid: no tests were collected")
    assert judge_suite(skipped).text == "invalid: all 2 tests were skipped"


def test_one_marked_request_that_stable_answers_is_the_gateways_fault(gateway, run_suite):
    gateway.misrouted = lambda number: number == 3
    result = run_suite("def test_it(client):\n    for _ in range(8): client.get('/items')")

    judgement = judge_suite(result)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.text.startswith("1 of 8 marked requests did not reach the canary: ")
    assert "or gw.unmarked(): GET /items at http://127" in judgement.text
    assert judgement.text.endswith("HTTP 200, x-served-by says orders-77c-bb2b4, stamp none")
    assert gateway.seen[3].replica in judgement.text


def test_an_answer_by_the_gateway_itself_is_not_the_canarys_fault(run_suite):
    result = run_suite("def test_it(client):\n    client.get('/items')\n    client.get('/from-nobody')")

    assert (result.passed, result.canary, result.unknown, result.unnamed) == (1, 1, 1, 0)
    assert judge_suite(result).verdict is Verdict.INCONCLUSIVE


def test_failures_and_errors_are_reported_with_their_first_line(run_suite, evidence):
    progress = []
    result = run_suite(
        """
        import pytest

        @pytest.fixture
        def broken(): raise RuntimeError("no database")

        @pytest.fixture
        def leaving(): yield; raise RuntimeError("not tidy")

        def test_good(client): client.get("/items")
        def test_bad(client): assert client.get("/missing").status_code == 200, "gone\\nand more"
        def test_error(broken): ...
        def test_untidy(leaving): ...
        """,
        tick=progress.append,
    )

    assert (result.passed, result.failed, result.errors, result.exit_code) == (1, 1, 2, 1)
    assert result.failures == (
        "suite/test_it.py::test_bad: AssertionError: gone",
        "suite/test_it.py::test_error: RuntimeError: no database",
        "suite/test_it.py::test_untidy: RuntimeError: not tidy",
    )
    assert judge_suite(result).text == f"1 of 4 tests failed, 2 had an error in a fixture: {result.failures[0]}"
    assert progress[-1] == "1/4 passed, 3 failed, 2 answers from the canary"
    assert (evidence / "junit.xml").read_text().count("<testcase") >= 4
    assert "not tidy" in (evidence / "pytest.log").read_text()


@pytest.mark.parametrize(
    ("text", "options", "exit_code", "words"),
    [
        ("def test_it(:", {}, 2, "(interrupted): suite/test_it.py: SyntaxError"),
        ("import pytest\ndef test_it(): pytest.exit('enough')", {}, 2, "(interrupted)"),
        ("", {"path": "nowhere"}, 4, "(wrong usage): ERROR: file or directory not found: nowhere"),
        ("import os\ndef test_it(): os.kill(os.getpid(), 9)", {}, -9, "killed by signal 9"),
        (
            "import os\ndef test_a(client): client.get('/items')\ndef test_it(): os._exit(0)",
            {},
            0,
            "before its session was over",
        ),
    ],
)
def test_a_run_that_broke_is_inconclusive(run_suite, tmp_path, monkeypatch, text, options, exit_code, words):
    monkeypatch.chdir(tmp_path)
    result = run_suite(text, **options)

    assert result.exit_code == exit_code
    assert judge_suite(result).verdict is Verdict.INCONCLUSIVE
    assert words in judge_suite(result).text


def test_what_an_earlier_run_left_is_not_taken_for_this_one(run_suite, evidence):
    evidence.mkdir()
    (evidence / "context.json").write_text("left by a run that was killed")
    run_suite("def test_it(client): client.get('/items')")
    result = run_suite("", path="/nowhere")

    assert (result.passed, result.canary) == (0, 0)
    assert "test_it" not in (evidence / "junit.xml").read_text()


def test_a_folder_that_cannot_be_written_is_an_error_of_its_own(run_suite, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(EnvironmentFailed, match="cannot be written"):
        run_suite("", folder=str(tmp_path / "file" / "evidence"))


def test_the_run_context_is_readable_by_its_owner_only_and_never_an_argument(run_suite, evidence):
    result = run_suite("""
        import os, stat
        from pathlib import Path

        def test_it(client):
            client.get("/items")
            context = Path(os.environ["GATEWAYCTL_SMOKE_CONTEXT"])
            assert stat.S_IMODE(context.stat().st_mode) == 0o600
            parent = Path(f"/proc/{os.getppid()}/cmdline").read_text()
            assert "r-7f3c" not in Path("/proc/self/cmdline").read_text() + parent
    """)

    assert result.passed == 1, result.failures
    assert not (evidence / "context.json").exists()
    assert stat.S_IMODE((evidence / "events.jsonl").stat().st_mode) == 0o600


def test_the_users_own_configuration_and_fixtures_win(run_suite, write):
    write("suite/pytest.ini", "[pytest]\naddopts = --strict-markers -m chosen\nmarkers =\n    chosen: these\n")
    write("suite/conftest.py", "import pytest\n@pytest.fixture\ndef client(gw):\n    return 'mine'\n")
    result = run_suite("""
        import pytest

        @pytest.mark.chosen
        def test_it(client, gw):
            assert client == "mine"
            gw.client().get("/items")

        def test_not_chosen(): assert 0
    """)

    assert judge_suite(result).text == "1 passed, its one answer from the canary"


def test_the_plugin_is_inert_where_there_is_no_canary(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it(request):\n"
        "    rooms = ('gatewayctl.child_process', 'gatewayctl.domain')\n"
        "    assert not [name for name in sys.modules if name.startswith(rooms)]\n"
        "    assert request.config.pluginmanager.hasplugin('gatewayctl')\n"
        "def test_fixture(client): ...\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "gatewayctl", "-p", "no:cacheprovider", "test_it.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert "1 passed, 1 error" in run.stdout
    assert "fixture 'client' not found" in run.stdout


def test_the_events_are_json_lines(run_suite, evidence: Path):
    run_suite("def test_it(client): client.get('/items')")

    events = [json.loads(line) for line in (evidence / "events.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events] == ["collected", "begins", "answer", "uses", "test", "finished"]
