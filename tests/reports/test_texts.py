"""What people read, and how the next steps are spelled as commands."""

from dataclasses import replace

import pytest

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.evidence import Attribution
from gatewayctl.domain.leftovers import SweepAction
from gatewayctl.domain.plan import Plan
from gatewayctl.domain.platform import Check, Holder, Probe, Tls
from gatewayctl.domain.release import Phase, Release
from gatewayctl.domain.survey import NextStep
from gatewayctl.domain.trial import Trial
from gatewayctl.reports.commands import command_of, curl_line
from gatewayctl.reports.curl import CurlReport
from gatewayctl.reports.doctor import DoctorReport
from gatewayctl.reports.endings import DemoEnd, JobEnd, ReleaseEnd
from gatewayctl.reports.history import HistoryReport
from gatewayctl.reports.plan import PlanReport
from gatewayctl.reports.rules import RuleEditReport, RulesReport
from gatewayctl.reports.status import StatusReport
from gatewayctl.reports.sweep import SweepReport
from gatewayctl.reports.verify import VerifyReport
from tests.contract.releases import ended
from tests.reports.samples import EDIT, LATE, OPEN, ROUTE, SERVING, STUCK, reply, survey, swept

ANNA = Holder("anna", "laptop", 7, 1.5)
WAITING = replace(OPEN, phase=Phase.WAIT)


@pytest.mark.parametrize(
    ("release", "holder", "expired", "steps"),
    [
        (None, None, False, (NextStep.RELEASE,)),
        (ended(OPEN), None, False, (NextStep.RELEASE,)),
        (WAITING, None, False, (NextStep.SMOKE, NextStep.ABORT)),
        (replace(WAITING, tested=True), None, False, (NextStep.PROMOTE, NextStep.ABORT)),
        (replace(WAITING, trial=Trial()), None, False, (NextStep.PROMOTE, NextStep.ABORT)),
        (WAITING, None, True, (NextStep.ABORT,)),
        (replace(WAITING, tested=True), None, True, (NextStep.ABORT,)),
        (OPEN, None, True, (NextStep.ABORT,)),
        (OPEN, ANNA, False, (NextStep.ABORT,)),
        (STUCK, ANNA, False, (NextStep.RESUME, NextStep.ABORT)),
        (OPEN, None, False, (NextStep.RESUME, NextStep.ABORT)),
    ],
)
def test_the_next_steps_follow_from_the_release_and_who_drives_it(
    release: Release | None, holder: Holder | None, expired: bool, steps: tuple[NextStep, ...]
) -> None:
    assert survey(release, holder, expired=expired).next_steps == steps


def test_each_step_is_a_command_to_copy() -> None:
    assert [command_of(step, "orders") for step in NextStep] == [
        "gatewayctl release orders --image IMAGE",
        "gatewayctl smoke orders",
        "gatewayctl ramp orders",
        "gatewayctl pause orders",
        "gatewayctl skip orders",
        "gatewayctl promote orders",
        "gatewayctl abort orders",
        "gatewayctl resume orders",
    ]


def test_status_shows_proof_rule_and_the_way_to_the_canary() -> None:
    lines = StatusReport((survey(WAITING, ANNA),)).text().splitlines()

    assert lines[0] == "orders shop/orders:1.1 waits for someone to promote or abort it"
    assert "  ✓ gateway-1   serves the rule" in lines
    assert "  ✗ gateway-2   0 of 1 routes carry the rule." in lines
    assert "  rule     rds.yaml:7 /api/orders x-canary: always → orders-canary" in lines
    assert "  driven   by anna on laptop (pid 7)" in lines
    assert any(line.startswith("  try it   curl -s -i") for line in lines)
    assert lines[-2:] == ["  next     gatewayctl smoke orders", "           gatewayctl abort orders"]


def test_status_of_a_platform_that_is_stopped_names_the_command_that_starts_it() -> None:
    report = StatusReport((replace(survey(), start="gatewayctl sandbox up"),))

    assert report.text().splitlines()[-1] == "  next     gatewayctl sandbox up"


def test_status_of_an_expired_release_never_tells_to_promote_or_resume_it() -> None:
    text = StatusReport((survey(replace(WAITING, tested=True), expired=True),)).text()

    assert text.startswith("orders shop/orders:1.1 has expired in phase wait (")
    assert text.endswith("  next     gatewayctl abort orders")
    assert "promote" not in text
    assert "resume" not in text


def test_doctor_marks_faults_and_warnings_and_fails_for_faults_only() -> None:
    warned = (("orders", Check("rights", "all 7")), ("orders", Check("twins", "differ", hint="sync")))
    fault = UsageFault("gone", hint="make it")

    assert DoctorReport(warned).text() == "✓ orders: rights: all 7\n? orders: twins: differ\n    → sync"
    assert DoctorReport(warned).is_passed
    assert DoctorReport((("orders", Check("twins", "gone", fault)),)).text() == "✗ orders: twins: gone\n    → make it"
    assert not DoctorReport((("orders", Check("twins", "gone", fault)),)).is_passed


def test_doctor_and_plan_show_the_notes_on_the_rule() -> None:
    noted = Check("rule fits the files", "1 route", notes=("mind it", "and that"))

    assert DoctorReport((("orders", noted),)).text() == (
        "✓ orders: rule fits the files: 1 route\n    note: mind it\n    note: and that"
    )
    assert PlanReport(Plan(OPEN, ("start it",), (), (), ("mind it",))).text() == "1. start it\nnote: mind it\n"


def test_curl_shows_each_replica_and_the_first_body() -> None:
    report = CurlReport((reply(Attribution.CANARY), reply(Attribution.UNKNOWN)))

    lines = report.text().splitlines()
    assert lines[1] == "gateway-1: answered by canary (HTTP 200, stamp none)"
    assert lines[3] == "gateway-1: answered by unknown (HTTP 200, stamp none)"
    assert lines[-1] == "hello"
    assert not report.is_all_canary
    assert CurlReport((reply(Attribution.CANARY),)).is_all_canary


def test_a_rule_is_served_only_by_all_of_at_least_one_replica() -> None:
    assert VerifyReport("orders", (SERVING,)).is_served
    assert not VerifyReport("orders", (SERVING, LATE)).is_served
    assert not VerifyReport("orders", ()).is_served
    assert VerifyReport("orders", (LATE,)).text() == "✗ gateway-2: 0 of 1 routes carry the rule."


def test_an_edit_that_was_not_written_is_shown_as_its_diff() -> None:
    shown = RuleEditReport((EDIT,), (ROUTE,), ("not checked",), written=False)

    assert shown.text() == "--- rds.yaml\n+++ rds.yaml\n@@ -1 +1,2 @@\n a\n+b\n"
    assert shown.data()["written"] is False
    assert RuleEditReport((), (), (), written=False).text() == "nothing to do"


def test_an_edit_that_was_written_names_files_routes_and_notes() -> None:
    done = RuleEditReport((EDIT,), (ROUTE,), ("not checked",), written=True)

    assert done.text().splitlines() == [
        "rds.yaml: changed",
        "  rds.yaml:7: shop /api/orders [x-canary: always] → orders-canary",
        "  note: not checked",
    ]
    assert RuleEditReport((), (), (), written=True).data()["written"] is False
    assert RulesReport((), empty="no route to orders").text() == "no route to orders"


def test_an_end_that_is_stuck_names_the_commands_that_take_it_on() -> None:
    assert ReleaseEnd(STUCK, "/evidence/r-1").text().splitlines() == [
        "r-0001: orders shop/orders:1.1 needs a person: in phase clear gateway-1 is down",
        "  → gatewayctl resume orders, or gatewayctl abort orders",
        "evidence: /evidence/r-1",
    ]
    assert (
        JobEnd(ended(OPEN), "job-1", "shop").text() == "r-0001: orders shop/orders:1.1 was promoted\njob: job-1 in shop"
    )


def test_a_demo_lists_what_passed_steps_have_proven() -> None:
    done = ended(OPEN)
    proved = replace(done, notes=(*done.notes, replace(done.notes[0], phase=Phase.LEAKS, text="0 in 42 probes")))

    end = DemoEnd(proved, "shop/orders:1.1", "/evidence/r-1")

    assert end.data()["proven"] == [
        "orders shop/orders:1.1 was promoted",
        "leaks     0 in 42 probes",
        "after     routes byte for byte as before, canary at 0, stable runs shop/orders:1.1",
    ]
    assert end.text().splitlines()[-1] == "evidence: /evidence/r-1"


def test_where_nothing_is_left_or_ended_that_is_said() -> None:
    assert SweepReport(()).text() == "nothing is left behind"
    assert HistoryReport("orders", ()).text() == "orders has no ended release"


def test_a_sweep_that_is_stuck_names_the_command_that_takes_it_on() -> None:
    assert SweepReport((swept(SweepAction.STUCK, "gateway-1 is down"),)).text().splitlines() == [
        "orders: expired release: r-1 in phase wait, expired 5 min ago: stuck: gateway-1 is down",
        "  → gatewayctl resume orders",
    ]


@pytest.mark.parametrize(
    ("before", "after", "notes"),
    [
        ("r.example/orders:1", "r.example/orders:2", ()),
        ("r.example/orders:1", "r.example/orders@sha256:12", ()),
        ("r.example:5000/orders", "r.example:5000/orders:2", ()),
        ("r.io/orders:1", "r.io/order:2", ("the image comes from r.io/order, stable's from r.io/orders",)),
        ("r.io:5000/orders:1", "orders:2", ("the image comes from orders, stable's from r.io:5000/orders",)),
    ],
)
def test_an_image_of_another_repository_is_told_in_the_plan(before: str, after: str, notes: tuple[str, ...]) -> None:
    report = PlanReport(Plan(replace(OPEN, before=before, image=after), ("start it",), (), ()))

    assert report.notes == notes
    assert report.data()["notes"] == list(notes)
    assert all(f"note: {note}" in report.text() for note in notes)


def test_a_curl_line_over_tls_asks_for_the_name_and_leads_the_connection_to_the_replica() -> None:
    probe = Probe("shop.example.com:8443", "/x", (("x-canary", "r-1"),), tls=Tls("/c/ca.pem", "/c/qa.pem", "/c/qa.key"))

    assert curl_line("10.0.0.1:8443", probe) == (
        "curl -s -i --connect-to ::10.0.0.1:8443 --cacert /c/ca.pem --cert /c/qa.pem --key /c/qa.key "
        "-H 'x-canary: r-1' https://shop.example.com:8443/x"
    )
    assert curl_line("10.0.0.1:8443", Probe("shop.example.com", "/x", tls=Tls())) == (
        "curl -s -i --connect-to ::10.0.0.1:8443 https://shop.example.com/x"
    )


def test_a_curl_line_over_tls_keeps_the_default_port_where_the_rules_have_it() -> None:
    line = curl_line("10.0.0.1:8443", Probe("shop.example.com:443", "/x", tls=Tls()))

    assert line == (
        "curl -s -i --connect-to ::10.0.0.1:8443 -H 'Host: shop.example.com:443' https://shop.example.com:443/x"
    )
