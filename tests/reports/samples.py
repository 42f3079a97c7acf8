"""Reports with every field at work."""

from dataclasses import replace

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.evidence import Attribution
from gatewayctl.domain.judge.decision import Decision, SignalFigures
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.leftovers import Leftover, LeftoverKind, SweepAction, Swept
from gatewayctl.domain.plan import Diff, Plan
from gatewayctl.domain.platform import Check, Holder, Probe, Replica, Workload
from gatewayctl.domain.ramp import Ramp, Step
from gatewayctl.domain.release import Outcome, Phase, Release
from gatewayctl.domain.routing import RouteView, SourceFile
from gatewayctl.domain.shares import ShareCount
from gatewayctl.domain.survey import ReplicaView, Reply, Survey
from gatewayctl.domain.twins import Difference, SyncOutcome, TwinSync
from gatewayctl.reports.curl import CurlReport
from gatewayctl.reports.doctor import DoctorReport
from gatewayctl.reports.endings import DemoEnd, JobEnd, ReleaseEnd
from gatewayctl.reports.explain import ExplainReport
from gatewayctl.reports.history import HistoryReport
from gatewayctl.reports.judged import JudgeReport
from gatewayctl.reports.plan import PlanReport
from gatewayctl.reports.release import ReleaseReport
from gatewayctl.reports.report import Report
from gatewayctl.reports.rules import RuleEditReport, RulesReport
from gatewayctl.reports.sandbox import SandboxReport, SandboxStopReport
from gatewayctl.reports.share import ShareReport
from gatewayctl.reports.status import StatusReport
from gatewayctl.reports.sweep import SweepReport
from gatewayctl.reports.sync import SyncReport
from gatewayctl.reports.verify import VerifyReport
from tests.contract.releases import a_release, ended

OPEN: Release = a_release()
RAMPED = replace(OPEN, trial=replace(OPEN.trial, ramp=Ramp((Step(10, 60.0),))), phase=Phase.OBSERVE, share=10, step=0)
DECIDED = {
    "at": 1.0,
    "verdict": "fail",
    "text": "failed after 44 s: 9 % of 400 canary answers are errors",
    "figures": [
        {
            "signal": "errors",
            "worse": 7.2,
            "within": -3.0,
            "canary": 400.0,
            "canary_bad": 36.0,
            "stable": 3600.0,
            "stable_bad": 18.0,
            "noise": 1.4,
        }
    ],
    "watched": [],
    "log_fail": 4.6,
    "log_pass": 3.0,
}
STUCK = replace(OPEN, phase=Phase.CLEAR, outcome=Outcome.REJECTED, reason="2 leaks", stuck="gateway-1 is down")
ROUTE = RouteView("rds.yaml", 7, "shop", "/api/orders", "orders-canary", "gatewayctl-orders-canary", "x-canary: always")
SERVING = ReplicaView("gateway-1", "10.0.0.1:8000", ready=True, serves_rule=True, detail="serves the rule")
LATE = ReplicaView("gateway-2", "10.0.0.2:8000", ready=True, serves_rule=False, detail="0 of 1 routes carry the rule.")
EDIT = (SourceFile("rds.yaml", "a\n"), SourceFile("rds.yaml", "a\nb\n"))
PROBE = Probe("shop.example.com", "/api/orders/health", (("x-canary", "it's"),))


def survey(release: Release | None = OPEN, holder: Holder | None = None, *, expired: bool = False) -> Survey:
    """Orders behind two gateway replicas, one of which is late."""
    return Survey(
        target=OPEN.target,
        release=release,
        holder=holder,
        stable=Workload("orders", "shop/orders:1.0", 2, 2, "1", ("orders-a", "orders-b")),
        canary=None,
        rules=(ROUTE,),
        replicas=(SERVING, LATE),
        expired=expired,
        faults=("orders-canary cannot be read",),
    )


def reply(who: Attribution) -> Reply:
    """An answer of replica gateway-1."""
    return Reply("gateway-1", "10.0.0.1:8000", PROBE, 200, who, "HTTP 200, stamp none", "hello\n", 0.01234)


def swept(action: SweepAction, reason: str = "") -> Swept:
    """An expired release, and what became of it."""
    return Swept(
        Leftover("orders", LeftoverKind.EXPIRED, "r-1 in phase wait, expired 5 min ago", "look", "r-1"), action, reason
    )


REPORTS: tuple[Report, ...] = (
    ReleaseReport(RAMPED, "/evidence/r-1"),
    ExplainReport(RAMPED, ((1, DECIDED),)),
    JudgeReport(
        "orders",
        Decision(Verdict.FAIL, "failed", (SignalFigures("errors", 7.2, -3.0, 400, 36, 3600, 18, 1.4),), (), 4.6, 3.0),
    ),
    ShareReport("orders", 10, (("gateway-1", ShareCount(100, 9)), ("gateway-2", ShareCount(100, 11)))),
    ReleaseEnd(STUCK, "/evidence/r-1"),
    JobEnd(ended(OPEN), "gatewayctl-orders-r-1", "shop"),
    DemoEnd(ended(OPEN), "shop/orders:1.1", "/evidence/r-1"),
    StatusReport((survey(holder=Holder("anna", "laptop", 7, 1.5)),)),
    PlanReport(
        Plan(OPEN, ("start it", "end it"), (Diff("rds.yaml", "+b\n"),), (("rds.yaml", "sha256:1"),), ("mind it",))
    ),
    DoctorReport((("orders", Check("rights", "all 7")), ("orders", Check("twins", "gone", UsageFault("gone"))))),
    CurlReport((reply(Attribution.CANARY), reply(Attribution.UNKNOWN))),
    VerifyReport("orders", (SERVING, LATE)),
    RulesReport((ROUTE,), empty="no route"),
    RuleEditReport((EDIT,), (ROUTE,), ("not checked",), written=True),
    HistoryReport("orders", (ended(OPEN),)),
    SyncReport("orders", TwinSync("orders-canary", (Difference("spec.x", "1", "2"),), SyncOutcome.WRITTEN)),
    SweepReport((swept(SweepAction.SWEPT), swept(SweepAction.STUCK, "gateway-1 is down"))),
    SandboxReport((Replica("gateway-1", "127.0.0.1:1", "127.0.0.1:2", ready=False, note="it starts"),), "http"),
    SandboxStopReport(was_running=True),
)
