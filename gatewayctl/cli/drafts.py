"""From the command line to a plan that holds: drafted now, or read from a file and still true."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayctl.cli.progress import Progress
from gatewayctl.domain.apps import check_image
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.release import Mode, Release
from gatewayctl.wiring.discovery import Session
from gatewayctl.wiring.files import read_plan

if TYPE_CHECKING:
    from gatewayctl.domain.plan import Plan


def draft_plan(session: Session, app: str, image: str, mode: Mode, *, any_tag: bool) -> "Plan":
    """The plan of a new release, every precondition checked. Raises what does not hold.

    `any_tag` accepts an image whose tag does not name one build.
    """
    from gatewayctl.orchestration.prepare import prepare

    check_image(image, any_tag=any_tag)
    made = session.draft(app, image, mode)
    announce(session, made)
    return prepare(session.ports, made)


def load_plan(session: Session, app: str, file: Path, mode: Mode) -> "Plan":
    """The plan of `app` in `file`, every precondition checked. Raises Drifted when reality moved on since.

    `mode` is the command line's: a plan that is saved does not say who promotes.
    """
    from gatewayctl.orchestration.planning import check_drift
    from gatewayctl.orchestration.prepare import prepare

    made = read_plan(file)
    if made.release.app != app:
        raise UsageFault(f"{file} is a plan for {made.release.app}, not for {app}")
    check_drift(session.ports, made)
    announce(session, made.release)
    return prepare(session.ports, replace(session.with_local_files(made.release), mode=mode))


def announce(session: Session, made: Release) -> None:
    """Show the first line of a release: which image becomes which."""
    listener = session.ports.listener
    if isinstance(listener, Progress):
        listener.title(f"{made.app} {made.before} → {made.image}, release {made.id}, {made.header}")
