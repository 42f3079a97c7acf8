"""Which release a command means, and whether this is the gateway that it goes through.

A command means one release. Without an id that is the one that was open when the command started; it is looked for by
its id from then on, so that a command never acts on a release that somebody else began meanwhile.
"""

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import (
    Conflict,
    EnvironmentFailed,
    GatewayctlError,
    NeedsPerson,
    Refused,
    Superseded,
    UsageFault,
)
from gatewayctl.domain.release import Record, Release
from gatewayctl.orchestration.context import Ports
from gatewayctl.orchestration.leftovers import find_without_release

_USE_ITS_OWN = (
    "use the gatewayctl.yaml of the release; with --namespace, and without --config, it is read from the cluster, "
    "where the release left it"
)


def find_open(ports: Ports, app: str, release_id: str = "", spec: AppSpec | None = None) -> Record:
    """The open release of an application; with `release_id` only that one.

    Raises Superseded when another one is open or the one asked for has ended, UsageFault when none is open; NeedsPerson
    when there is none and yet its rule is live. `spec` says how to look for that.
    """
    record = ports.journal.load(app)
    if record and not record.release.ended and release_id in ("", record.release.id):
        return record
    raise _explain(ports, app, release_id, record, spec)


def check_place(ports: Ports, release: Release, spec: AppSpec | None = None) -> None:
    """Raise Conflict when the configuration has another gateway than the release, or another container in `spec`."""
    name, here = f"release {release.id} of {release.app}", ports.gateway.place
    if release.place not in (None, here):
        raise Conflict(f"{name} goes through {release.place}; this gatewayctl.yaml says {here}", hint=_USE_ITS_OWN)
    if spec and release.container not in (None, spec.container):
        named = [f"container {one}" if one else "no container" for one in (release.container, spec.container)]
        raise Conflict(
            f"{name} was begun with {named[0]} named; this gatewayctl.yaml names {named[1]}", hint=_USE_ITS_OWN
        )


def find_ended(ports: Ports, app: str, release_id: str) -> Release | None:
    """The release with that id, if the application's history has it."""
    return next((one for one in ports.journal.history(app) if one.id == release_id), None)


def _explain(ports: Ports, app: str, release_id: str, record: Record | None, spec: AppSpec | None) -> GatewayctlError:
    """Why the release that is asked for is not open."""
    current = record.release if record and not record.release.ended else None
    last = find_ended(ports, app, release_id) if record and release_id else None
    if current or last:
        how = f"has ended, it was {last.outcome}" if last else "is not the one in progress"
        other = f"; in progress is {current.id} ({current.image}), started by {current.actor}" if current else ""
        return Superseded(f"release {release_id} of {app} {how}{other}", hint=f"gatewayctl status {app}")
    said = f"{app} has no release {release_id}, and none in progress" if release_id else _none_open(app, record)
    try:
        found = find_without_release(ports, spec) if spec else None
    except (EnvironmentFailed, Refused) as fault:
        return UsageFault(f"{said}; whether its rule is live could not be seen: {fault}", hint=_hint_unseen(record))
    if found and found.is_ours:
        hint = f"gatewayctl sweep {app} removes the rule, then stops the canary"
        return NeedsPerson(f"{said}, but a rule of gatewayctl is live: {found.detail}", hint=hint)
    beside = f"; {found.detail}" if found else ""
    return UsageFault(f"{said}{beside}", hint=f"gatewayctl release {app} --image IMAGE")


def _hint_unseen(record: Record | None) -> str:
    """Where nothing is known of the application and its gateway does not answer, the file may be the wrong one."""
    return "gatewayctl status" if record else "is this the right gatewayctl.yaml? name it with --config"


def _none_open(app: str, record: Record | None) -> str:
    last = f"; its last one, {record.release.id}, is {record.release.outcome}" if record else ""
    return f"{app} has no release in progress{last}"
