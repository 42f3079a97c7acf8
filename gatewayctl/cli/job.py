"""`gatewayctl job`: the command that every Pod of a release's Job runs.

The first Pod begins the release; one that replaces a lost Pod continues it. At SIGTERM it stops at once and does not go
back: the next Pod continues.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gatewayctl.cli.drafts import announce
from gatewayctl.cli.ending import announce_wait, save_report
from gatewayctl.cli.options import App, Image, Promotion
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.show import exit_code, tell
from gatewayctl.cli.signals import on_sigterm
from gatewayctl.domain.errors import Busy, EnvironmentFailed, UsageFault
from gatewayctl.domain.lifecycle import Resumed
from gatewayctl.domain.release import Mode, Phase, Release
from gatewayctl.wiring.discovery import Session, wire_spec

if TYPE_CHECKING:
    from gatewayctl.orchestration.driver import Driver
    from gatewayctl.waiting import Pending

AGAIN = 75  # EX_TEMPFAIL: the Job starts another Pod
_TERMINATED = 143  # the exit code that a shell gives for SIGTERM
_LEASE_WAIT = 60.0  # seconds; the lease of a lost Pod expires sooner


def job(
    app: App,
    release: Annotated[str, typer.Option("--id", help="The release's id, the same for every Pod of the Job.")],
    image: Image,
    promote: Annotated[Promotion, typer.Option()] = Promotion.MANUAL,
    config: Annotated[Path, typer.Option("--config")] = Path("gatewayctl.yaml"),
) -> None:
    """Begin a release, or continue it: what a Job in the cluster runs."""
    from gatewayctl.config.load import load
    from gatewayctl.waiting import Deadline, until

    spec = load(config, with_files=False)  # those of applications behind other gateways are not here
    # The cluster is the one that the Pod runs in. The folder of the bundle is read-only.
    here = replace(spec, file=Path.cwd() / spec.file.name, platform=replace(spec.platform, context=""))
    with on_sigterm(_exit):
        one = wire_spec(here.behind(app), Progress(make_console()))
        job_release = JobRelease(one, one.driver, app, release)
        if job_release.find() is None:
            job_release.draft(image, Mode(promote.value))
        deadline = Deadline(one.ports.clock, lambda _text: None, _LEASE_WAIT, every=1.0)
        try:
            ended = until(job_release.drive, f"the lease of {app}", deadline)
        except EnvironmentFailed as fault:
            tell(f"this Pod cannot go on: {fault}")
            raise typer.Exit(AGAIN) from fault
        announce_wait(one, ended)
        save_report(one, ended)
    raise typer.Exit(int(exit_code(ended)))


@dataclass(slots=True)
class JobRelease:
    """The release `id` of `app` as this Pod drives it; `made` is the draft to begin, if it was not begun yet."""

    session: Session
    driver: "Driver"
    app: str
    id: str
    made: Release | None = None

    def find(self) -> Release | None:
        """The release in the journal, open or ended; None when it was not begun."""
        return self.session.find_release(self.app, self.id)

    def draft(self, image: str, mode: Mode) -> None:
        """Make the draft to begin with, every precondition checked. Raises what does not hold."""
        from gatewayctl.orchestration.prepare import prepare

        made = replace(self.session.draft(self.app, image, mode), id=self.id)
        announce(self.session, made)
        self.made = prepare(self.session.ports, made).release

    def drive(self) -> "Release | Pending":
        """Drive it until it ends or waits for a person; pending while another Pod may still hold the lease."""
        from gatewayctl.waiting import Pending

        found = self.find()
        try:
            if found is None and self.made is not None:
                return self.driver.begin(self.made)
            if found is None:
                raise UsageFault(f"the journal no longer has release {self.id} of {self.app}")
            if found.ended or found.stuck or found.phase in (Phase.WAIT, Phase.PAUSED):
                return found
            return self.driver.send(self.app, Resumed(), self.id)
        except Busy as busy:
            return Pending(str(busy))


def _exit() -> NoReturn:
    sys.exit(_TERMINATED)
