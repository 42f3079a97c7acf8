"""Find what a release left behind, and remove it as a release does on its way out: rule first, canary last.

Only what is certainly gatewayctl's is removed: an open release that has expired and that no process drives, and a rule
with gatewayctl's name that belongs to no release. A canary that runs without either is only reported, because
somebody may have started it by hand.
"""

import secrets

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.leftovers import Leftover, LeftoverKind
from gatewayctl.domain.lifecycle import AbortAsked
from gatewayctl.domain.platform import Workload
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.domain.routing import mark_of
from gatewayctl.domain.trial import Trial
from gatewayctl.orchestration.context import Ports
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.leftovers import find_without_release


def look(ports: Ports, app: AppSpec) -> Leftover | None:
    """What is left of an application's releases; None when all is as it should be."""
    record = ports.journal.load(app.target.app)
    if record and not record.release.ended:
        return _open(ports, record.release)
    return find_without_release(ports, app)


def _open(ports: Ports, release: Release) -> Leftover | None:
    holder = ports.leases.holder(release.app)
    if holder:
        return None
    what = f"{release.id} ({release.image}) in phase {release.phase}"
    over = ports.clock.wall() - release.expires
    if over > 0:
        return Leftover(
            release.app, LeftoverKind.EXPIRED, f"{what}, expired {over / 60:.0f} min ago", release=release.id
        )
    if release.phase is Phase.WAIT:
        return None
    hint = f"gatewayctl resume {release.app}, or gatewayctl abort {release.app}"
    return Leftover(
        release.app, LeftoverKind.IDLE, f"{what}, {release.stuck or 'no process drives it'}", hint, release.id
    )


def clean(driver: Driver, app: AppSpec, leftover: Leftover) -> Release:
    """Remove a leftover, as a release does on its way out.

    Raises Busy when a process took the release up since it was looked at, Conflict when another one is open by now.
    """
    if leftover.kind is LeftoverKind.EXPIRED:  # not `abort`, which would turn back a process that drives it
        return driver.send(leftover.app, AbortAsked(f"swept: {leftover.detail}"), leftover.release)
    return driver.begin(_orphan(driver.ports, app, str(driver.holder)))


def _orphan(ports: Ports, app: AppSpec, actor: str) -> Release:
    """A release that starts on its way out, for a rule that belongs to no release."""
    target = app.target
    stable, canary = ports.workloads.read(target.stable), ports.workloads.read(target.canary)
    now = ports.clock.wall()
    return Release(
        id=f"r-{secrets.token_hex(3)}",
        target=target,
        header=mark_of(ports.gateway.own_routes(target.app), app.mark("swept")),
        image=_candidate(canary, stable),
        before=stable.image,
        canary_before=canary.image,
        mode=Mode.STAGED,
        created=now,
        expires=now + app.trial.timings.time_to_live,
        actor=actor,
        trial=Trial(timings=app.trial.timings),
        phase=Phase.UNROUTE,
        outcome=Outcome.ABORTED,
        reason="swept: its rule had no release",
        stamps=ports.gateway.dialect.limits.stamp,
        place=ports.gateway.place,
        container=app.container,
    )


def _candidate(canary: Workload, stable: Workload) -> str:
    """The image that identifies the canary; a placeholder if both run the same, because that identifies neither."""
    return canary.image if canary.image != stable.image else f"{canary.name}:unknown"
