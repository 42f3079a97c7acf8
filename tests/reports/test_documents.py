"""The JSON of every command, held against docs/json.md."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewayctl.domain.evidence import Attribution
from gatewayctl.domain.leftovers import SweepAction
from gatewayctl.reports.curl import CurlReport
from gatewayctl.reports.report import Report
from gatewayctl.reports.status import StatusReport
from gatewayctl.reports.sweep import SweepReport
from gatewayctl.reports.verify import VerifyReport
from tests.reports.samples import LATE, REPORTS, reply, survey, swept

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
LIVE, _, GONE = PAGE.partition("## Documents that are gone")
ROWS = {row[1]: row[2] for row in re.finditer(r"^\| `(gatewayctl\.\w+/\d+)` \| [^|]* \| (.*) \|$", LIVE, re.MULTILINE)}


def documented(schema: str) -> set[str]:
    """The fields that the page names for a document: words of code with a comma or a list in it."""
    spans = [span for span in re.findall(r"`([^`]*)`", ROWS[schema]) if "," in span or "[" in span]
    return {word for span in spans for word in re.findall(r"\w+", span)}


def keys(value: object) -> Iterator[str]:
    """Every key of a document, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_a_document_has_the_fields_that_the_page_names(report: Report) -> None:
    data = json.loads(json.dumps(report.data()))

    row = ROWS[data["schema"]]
    assert [key for key in data if key not in ("schema", "proven") and not re.search(rf"\b{key}\b", row)] == []


@pytest.mark.parametrize("schema", sorted({str(report.data()["schema"]) for report in REPORTS}))
def test_every_field_that_the_page_names_is_there(schema: str) -> None:
    shown = {key for report in REPORTS if report.data()["schema"] == schema for key in keys(report.data())}

    assert documented(schema) - shown == set()


def test_the_page_lists_every_document_and_no_other() -> None:
    gone = set(re.findall(r"^\| `(\S+)`", GONE, re.MULTILINE))

    assert {str(report.data()["schema"]) for report in REPORTS} == set(ROWS)
    assert gone == {f"gatewayctl.{name}/1" for name in ("status", "curl", "verify", "sweep")}


def test_a_reply_names_what_was_seen_its_detail() -> None:
    (row,) = CurlReport((reply(Attribution.CANARY),)).data()["replies"]

    assert row == {
        "replica": "gateway-1",
        "curl": "curl -s -i -H 'Host: shop.example.com' -H 'x-canary: it'\"'\"'s' http://10.0.0.1:8000/api/orders/health",
        "status": 200,
        "answered_by": "canary",
        "detail": "HTTP 200, stamp none",
        "seconds": 0.0123,
        "body": "hello\n",
    }


def test_a_replica_names_what_was_seen_its_detail() -> None:
    in_status = StatusReport((survey(),)).data()["apps"][0]["replicas"][1]
    (in_verify,) = VerifyReport("orders", (LATE,)).data()["replicas"]

    assert in_status == {
        "name": "gateway-2",
        "traffic": "10.0.0.2:8000",
        "ready": True,
        "serves_rule": False,
        "detail": "0 of 1 routes carry the rule.",
    }
    assert in_verify == {
        "replica": "gateway-2",
        "ready": True,
        "serves_rule": False,
        "detail": "0 of 1 routes carry the rule.",
    }


@pytest.mark.parametrize(
    ("action", "reason", "done", "hint"),
    [
        (SweepAction.SWEPT, "", "swept", "look"),
        (SweepAction.NOT_WRITTEN, "", "would be swept", "look"),
        (SweepAction.LEFT_ALONE, "", "left alone", "look"),
        (SweepAction.STUCK, "gateway-1 is down", "stuck: gateway-1 is down", "gatewayctl resume orders"),
    ],
)
def test_a_leftover_says_its_kind_and_what_was_done(action: SweepAction, reason: str, done: str, hint: str) -> None:
    report = SweepReport((swept(action, reason),))

    assert report.data()["leftovers"] == [
        {
            "app": "orders",
            "kind": "expired release",
            "release": "r-1",
            "found": "r-1 in phase wait, expired 5 min ago",
            "done": done,
            "hint": hint,
        }
    ]
    assert report.needs_person is (action is SweepAction.STUCK)
