"""The events of a suite added up, and the file in which they are written."""

import json
import os

from gatewayctl.adapters.smoke.child import EventReader, ProgramExit
from gatewayctl.adapters.smoke.suite_progress import SuiteProgress
from gatewayctl.child_process.run_context import EventFile
from gatewayctl.domain.unproven import Unproven

ENDED = ProgramExit(exit_code=0, seconds=1.0, timed_out=False)


def answer(by: str, test: str = "", setup: str = "", **more: object) -> dict[str, object]:
    return {"kind": "answer", "by": by, "test": test, "setup": setup, **more}


def outcome(test: str, name: str) -> dict[str, object]:
    return {"kind": "test", "id": test, "outcome": name, "why": ""}


def add_all(*events: dict[str, object]) -> SuiteProgress:
    progress = SuiteProgress()
    for event in events:
        progress.add(event)
    return progress


def test_only_an_answer_of_the_canary_proves_a_test():
    progress = add_all(
        *(answer(by, test=f"test_{by}") for by in ("canary", "stable", "unknown", "baseline")),
        *(outcome(f"test_{by}", "passed") for by in ("canary", "stable", "unknown", "baseline", "silent")),
    )

    result = progress.result(ENDED, ())
    assert (result.canary, result.stable, result.unknown, result.baseline) == (1, 1, 1, 1)
    assert result.unproven_tests == ("test_stable", "test_unknown", "test_baseline", "test_silent")


def test_only_a_set_up_that_the_canary_answered_proves_the_tests_that_use_it():
    progress = add_all(
        answer("canary", setup="1-1"),
        answer("baseline", setup="1-2"),
        *({"kind": "uses", "test": f"test_{n}", "setups": [f"1-{n}"]} for n in (1, 2, 3)),
        *(outcome(f"test_{n}", "passed") for n in (1, 2, 3)),
    )

    assert progress.result(ENDED, ()).unproven_tests == ("test_2", "test_3")


def test_the_evidence_names_the_fixture_that_proves_a_test():
    progress = add_all(
        answer("canary", setup="1-1"),
        {"kind": "uses", "test": "t", "setups": ["1-1", "1-2"], "fixtures": ["order", "user"]},
        outcome("t", "passed"),
        answer("canary", test="u"),
        outcome("u", "passed"),
    )
    tests = progress.figures()["tests"]

    assert tests["t"] == {"outcome": "passed", "answers": {}, "proven": True, "fixtures": ["order"]}
    assert "fixtures" not in tests["u"]
    assert progress.result(ENDED, ()).unproven == 0


def test_entries_of_the_configuration_that_no_test_is_are_told():
    wanted = (Unproven("a.py", "why"), Unproven("a.py::test_sun", "why"), Unproven("b.py", "why"))
    progress = SuiteProgress(wanted)
    progress.add(outcome("a.py::test_sum", "passed"))

    assert progress.result(ENDED, ()).unmatched == ("a.py::test_sun", "b.py")


def test_connections_that_nobody_marked_are_counted_and_the_first_are_named():
    progress = add_all(*({"kind": "unmarked connection", "why": f"no. {n}"} for n in range(9)))

    result = progress.result(ENDED, ())
    assert (result.unmarked_connections, len(result.unmarked_examples)) == (9, 5)
    assert result.unmarked_examples[0] == "no. 0"


def test_lines_of_any_other_form_are_skipped():
    strange = [{"kind": "answer"}, {"kind": "uses", "test": 3}, {"kind": "test", "id": "a", "outcome": "x", "why": ""}]
    progress = add_all(*strange, {}, {"kind": ["answer"]}, {"kind": "uses", "test": "a", "setups": [1, {}]})

    assert progress.result(ENDED, ()).passed == 0


def test_the_evidence_has_a_limit_and_names_unproven_tests_first():
    answered = [event for n in range(3000) for event in (answer("canary", f"t{n}"), outcome(f"t{n}", "passed"))]
    figures = add_all(*answered, outcome("last", "passed")).figures()

    assert (len(figures["tests"]), figures["tests_left_out"]) == (2000, 1001)
    assert next(iter(figures["tests"])) == "last"


def test_a_line_that_cannot_be_written_fails_no_test_of_the_suite():
    EventFile("/dev/full").write(kind="answer")


def test_a_file_that_was_closed_is_opened_again_and_no_other_file_is_written(tmp_path):
    events = EventFile(str(tmp_path / "events.jsonl"))
    events.write(n=1)
    lowest = os.open(tmp_path / "theirs", os.O_WRONLY | os.O_CREAT)
    os.dup2(lowest, events._file)  # what a daemon does: it closes every file and opens its own
    events.write(n=2)

    assert [json.loads(line)["n"] for line in (tmp_path / "events.jsonl").read_text().splitlines()] == [1, 2]
    assert (tmp_path / "theirs").read_text() == ""
    assert [event["n"] for event in EventReader(tmp_path / "events.jsonl").read_new()] == [1, 2]
    os.close(lowest)
