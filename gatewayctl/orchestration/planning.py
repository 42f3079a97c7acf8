"""What a release would write, before it writes anything; and whether a saved plan still fits the cluster."""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import Drifted
from gatewayctl.domain.phases import ROWS
from gatewayctl.domain.plan import Diff, Plan, unified_diff
from gatewayctl.domain.platform import Workload
from gatewayctl.domain.ramp import Promotion
from gatewayctl.domain.release import Mode, Release, Target
from gatewayctl.domain.routing import Files
from gatewayctl.orchestration.context import Ports
from gatewayctl.orchestration.open_release import check_place, find_ended
from gatewayctl.orchestration.signals import check_source


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A release that is wanted; `actor` is who wants it, `neighbours` are the other applications of the gateway."""

    app: AppSpec
    image: str
    mode: Mode
    actor: str
    neighbours: tuple[Target, ...] = ()


def new_mark() -> str:
    """A header value for one release: 80 random bits, which nobody guesses before the release expires.

    Nothing else is made from it: the release's id is in answers and in Events.
    """
    return f"r-{secrets.token_hex(10)}"


def draft(ports: Ports, request: ReleaseRequest) -> Release:
    """A new release of the application as it is now; nothing is written."""
    target = _with_address(ports, request.app.target)
    stable, canary = ports.workloads.read(target.stable), ports.workloads.read(target.canary)
    token = f"r-{secrets.token_hex(3)}"
    now = ports.clock.wall()
    release = Release(
        id=token,
        target=target,
        header=request.app.mark(new_mark()),
        image=request.image,
        before=stable.image,
        canary_before=canary.image,
        mode=request.mode,
        created=now,
        expires=now + request.app.trial.time_to_live,
        actor=request.actor,
        standing=request.app.standing,
        trial=request.app.trial,
        neighbours=request.neighbours,
        stamps=ports.gateway.dialect.limits.stamp,
        place=ports.gateway.place,
        container=request.app.container,
    )
    ports.gateway.dialect.limits.permit(release.rule)
    if release.needs_shares:
        ports.gateway.dialect.limits.permit(replace(release.rule, share=1))
    check_source(ports, release)
    return release.at(release.phase, rule_was_there=release.standing and bool(ports.gateway.own_routes(release.app)))


def _with_address(ports: Ports, target: Target) -> Target:
    """`target` with the IP address of the canary's Service, where its name could keep the gateway from starting."""
    if target.canary_host or not ports.gateway.dialect.limits.by_address:
        return target
    return replace(target, canary_host=ports.address(target.canary))


def plan(ports: Ports, release: Release) -> Plan:
    """Every step and every write of `release`. Raises Refused where the rule cannot be written."""
    files = ports.gateway.store.read().files
    change = ports.gateway.dialect.insert(files, release.rule)
    routed = change.apply(files)
    target = release.target
    diffs = (
        _object(f"Deployment {target.canary}", release.canary_before, release.image, (0, 1)),
        *(
            file_diff(before.name, before.text, after.text)
            for before, after in zip(files, routed, strict=True)
            if before != after
        ),
        *_share_diffs(ports, release, routed),
        _object(f"Deployment {target.stable}", release.before, release.image),
    )
    return Plan(release, _steps(release, len(files)), diffs, _basis(ports, release, files), change.notes)


def _share_diffs(ports: Ports, release: Release, routed: Files) -> Iterator[Diff]:
    """What each share of the ramp changes in the files, which are `routed` before the first one."""
    trial = release.trial
    shares = [step.share for step in trial.ramp.steps]
    if trial.promotion is Promotion.STEERED and 100 not in shares:
        shares.append(100)
    was = "with the rule"
    for share in shares:
        change = ports.gateway.dialect.insert(routed, replace(release.rule, share=share))
        after, becomes = change.apply(routed), f"{share} % of real traffic"
        for old, new in zip(routed, after, strict=True):
            if old != new:
                text = unified_diff(old.text, new.text, f"{old.name} ({was})", f"{old.name} ({becomes})")
                yield Diff(f"{old.name}, {becomes}", text)
        routed, was = after, becomes


def check_drift(ports: Ports, saved: Plan) -> None:
    """Raise Drifted, naming every object that is no longer what the plan was made from, or when it was used before.

    Raises Conflict when it was made for another gateway.
    """
    check_place(ports, saved.release)
    check_unused(ports, saved.release)
    now = dict(_basis(ports, saved.release, ports.gateway.store.read().files))
    moved = [
        f"{name}: was {was}, is {now.get(name, 'gone')}" for name, was in saved.basis if now.get(name, "gone") != was
    ]
    if moved:
        raise Drifted(
            "the plan was made from another reality: " + "; ".join(moved), hint="make a new plan and read its diff"
        )


def check_unused(ports: Ports, release: Release) -> None:
    """Raise Drifted when the plan of this release was used before: a second use would take the place of the first."""
    used = find_ended(ports, release.app, release.id)
    if used:
        raise Drifted(
            f"the plan of release {used.id} was used before: it was {used.outcome}",
            hint=f"make a new plan: gatewayctl plan {used.app} --image {used.image} --save FILE",
        )


def check_images(ports: Ports, release: Release) -> tuple[Workload, ...]:
    """Stable and canary as they are now. Raises Drifted when one runs another image than when the release was drafted.

    The way back would otherwise restore an image that is no longer the one before.
    """
    target = release.target
    current = []
    for name, drafted in ((target.stable, release.before), (target.canary, release.canary_before)):
        now = ports.workloads.read(name)
        if now.image != drafted:
            raise Drifted(f"{name} runs {now.image} by now, not {drafted}", hint=f"see gatewayctl status {release.app}")
        current.append(now)
    return tuple(current)


def _basis(ports: Ports, release: Release, files: Files) -> tuple[tuple[str, str], ...]:
    rows = []
    for name in (release.target.stable, release.target.canary):
        now = ports.workloads.read(name)
        rows.append((f"Deployment {name}", f"{now.image}, {now.replicas} replicas"))
    rows += [(file.name, "sha256:" + hashlib.sha256(file.text.encode()).hexdigest()) for file in files]
    return tuple(rows)


def _object(name: str, before: str, after: str, replicas: tuple[int, int] | None = None) -> Diff:
    lines = [f"-image: {before}", f"+image: {after}"] if before != after else [f" image: {after}"]
    if replicas:
        lines += [f"-replicas: {replicas[0]}", f"+replicas: {replicas[1]}"]
    return Diff(name, "\n".join(lines) + "\n")


def file_diff(name: str, before: str, after: str) -> Diff:
    """One file as it is and as it will be."""
    return Diff(name, unified_diff(before, after, f"{name} (now)", f"{name} (with the rule)"))


def _steps(release: Release, files: int) -> tuple[str, ...]:
    lines = (row.plan(release, files) for row in ROWS.values())
    return tuple(line for line in lines if line)
