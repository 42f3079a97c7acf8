"""Releases for the journal's contract, with every field at work."""

from dataclasses import replace

from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.judge.judge import start
from gatewayctl.domain.judge.settings import LOW_TRAFFIC, Settings
from gatewayctl.domain.place import GatewayLocation
from gatewayctl.domain.ramp import Judging, Promotion, Ramp, Step, Undecided
from gatewayctl.domain.release import Mode, Note, Outcome, Phase, Release, Target
from gatewayctl.domain.routing import Header
from gatewayctl.domain.trial import Load, Suite, Timings, Trial

_JUDGING = Judging("gateway", Settings(signals=LOW_TRAFFIC, observe=12.5), Undecided.ASK, patience=90.5)


def a_release(number: int = 1, app: str = "orders") -> Release:
    """An open release that says as much as a release can say."""
    return Release(
        id=f"r-{number:04x}",
        target=Target(
            app=app,
            stable=app,
            canary=f"{app}-canary",
            service=app,
            canary_service=f"{app}-canary",
            identify=Identify(header="", pointer="/pod"),
            host="shop.example.com",
            path=f"/api/{app}/health",
            canary_host=f"{app}-canary.shop.svc",
            headers=(("x-tenant", "a"), ("x-tenant", "b")),
        ),
        header=Header("x-canary", f"r-{number:04x}"),
        image=f"shop/{app}:1.{number}",
        before=f"shop/{app}:1.0",
        canary_before=f"shop/{app}:0.9",
        mode=Mode.MANUAL,
        created=1_700_000_000.25,
        expires=1_700_003_600.5,
        actor="zoë",
        trial=Trial(
            suite=Suite("smoke/orders", timeout=12.5, reruns=2),
            load=Load("smoke/orders/locustfile.py", users=8, duration=8.5),
            timings=Timings(ready=1.5, live=2.5, drain=3.5, time_to_live=4.5),
            ramp=Ramp((Step(10, 30.5), Step(50, 60.0, replicas=2)), _JUDGING),
            promotion=Promotion.STEERED,
        ),
        phase=Phase.SMOKE,
        place=GatewayLocation("envoy", "gateway", "app=gateway", ("ConfigMap gateway-routes: rds.yaml",)),
        container="app",
        promote_begun=True,
        share=50,
        step=1,
        step_began=1_700_000_002.5,
        ramped=True,
        judged=start(_JUDGING.settings),
        notes=(Note(Phase.WARM, "✓", "orders-canary 1/1 ready", 1_700_000_001.0, 6.25, "ci"),),
    )


def ended(release: Release) -> Release:
    """The same release at its end."""
    return replace(release, phase=Phase.DONE, outcome=Outcome.PROMOTED, reason="all is well")
