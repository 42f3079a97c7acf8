"""`gatewayctl job`: what a Job in the cluster runs, as often as its Pods are lost, for one and the same release.

It begins the release, or takes it up where the Pod before it left it. Told to end, it stops where it stands instead of
going back: the next Pod goes on.
"""

import secrets
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gatewayctl.cli.options import App, Image
from gatewayctl.cli.progress import Progress, a_console
from gatewayctl.cli.releases import Promotion, at_sigterm, kept, tell_wait, title
from gatewayctl.cli.show import exit_code
from gatewayctl.domain.errors import Busy, EnvironmentFailed, UsageFault
from gatewayctl.domain.lifecycle import Resumed
from gatewayctl.domain.release import Mode, Phase, Release
from gatewayctl.wiring.discovery import Wired, wired

if TYPE_CHECKING:
    from gatewayctl.orchestration.driver import Driver
    from gatewayctl.waiting import Pending

AGAIN = 75  # a Pod that ends so is followed by another one; EX_TEMPFAIL
_TOLD = 143  # as a shell says SIGTERM
_BUSY = 60.0  # seconds; the lease of a Pod that was lost runs out in less


def job(
    app: App,
    release: Annotated[str, typer.Option("--id", help="The release's id, the same for every Pod of the Job.")],
    image: Image,
    promote: Annotated[Promotion, typer.Option()] = Promotion.MANUAL,
    config: Annotated[Path, typer.Option("--config")] = Path("gatewayctl.yaml"),
) -> None:
    """One release, begun or taken up: what a Job in the cluster runs."""
    from gatewayctl.config.load import load
    from gatewayctl.waiting import Deadline, until

    spec = load(config)
    # Its cluster is the one it runs in, and beside its files nothing can be written.
    here = replace(spec, file=Path.cwd() / spec.file.name, platform=replace(spec.platform, context=""))
    with at_sigterm(_stop):
        one = wired(here.behind(app), Progress(a_console()))
        job_release = JobRelease(one, one.driver, app, release)
        if job_release.known() is None:
            job_release.draft(image, Mode(promote.value))
        deadline = Deadline(one.ports.clock, lambda _text: None, _BUSY, every=1.0)
        try:
            ended = until(job_release.carry, f"the lease of {app}", deadline)
        except EnvironmentFailed as fault:
            print(f"this Pod cannot go on: {fault}", file=sys.stderr)
            raise typer.Exit(AGAIN) from fault
        tell_wait(one, ended)
        kept(one, ended)
    raise typer.Exit(int(exit_code(ended)))


@dataclass(slots=True)
class JobRelease:
    """This Pod's part in the release `id` of an application; `made` is what it would begin."""

    wired: Wired
    driver: "Driver"
    app: str
    id: str
    made: Release | None = None

    def known(self) -> Release | None:
        """The release as the journal has it, open or ended; None when it was not begun."""
        return recorded(self.wired, self.app, self.id)

    def draft(self, image: str, mode: Mode) -> None:
        """What to begin, every precondition checked. Raises what does not hold."""
        from gatewayctl.orchestration.prepare import prepare

        mark = self.wired.app(self.app).mark(f"{self.id}{secrets.token_hex(4)}")
        made = replace(self.wired.draft(self.app, image, mode), id=self.id, header=mark)
        title(self.wired, made)
        self.made = prepare(self.wired.ports, made).release

    def carry(self) -> "Release | Pending":
        """Drive it until it ends or waits; pending while the Pod before this one may still hold the lease."""
        from gatewayctl.waiting import Pending

        found = self.known()
        try:
            if found is None and self.made is not None:
                return self.driver.begin(self.made)
            if found is None:
                raise UsageFault(f"release {self.id} of {self.app} is gone from the journal")
            if found.ended or found.stuck or found.phase is Phase.WAIT:
                return found
            return self.driver.send(self.app, Resumed())
        except Busy as busy:
            return Pending(str(busy))


def recorded(wired: Wired, app: str, release: str) -> Release | None:
    """The release of that id, open or ended; None when the journal has none."""
    journal = wired.ports.journal
    current = journal.load(app)
    every = (*([current.release] if current else []), *journal.history(app))
    return next((one for one in every if one.id == release), None)


def _stop() -> NoReturn:
    sys.exit(_TOLD)
