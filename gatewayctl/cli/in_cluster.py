"""`release --in-cluster`: the release runs as a Job; this terminal shows it, and may go away at any time."""

from typing import NoReturn

import typer

from gatewayctl.cli.options import Output
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.show import show
from gatewayctl.cli.signals import on_sigterm, raise_interrupt
from gatewayctl.domain.errors import ExitCode, GatewayctlError, UsageFault
from gatewayctl.wiring.discovery import Session
from gatewayctl.wiring.jobs import ReleaseJob, submit_release

_DETACHED = 130  # the exit code that a shell gives for Ctrl-C


class NotBegun(GatewayctlError):
    """The Job ended with `code` and could not begin the release; what its Pods printed was shown."""

    def __init__(self, job: ReleaseJob, code: int) -> None:
        super().__init__(
            f"release {job.release} was not begun",
            hint=f"kubectl logs --namespace {job.namespace} job/{job.name}",
        )
        self.exit_code = ExitCode(code)


def release_in_cluster(session: Session, app: str, options: tuple[str, ...], output: Output) -> NoReturn:
    """Start the release as a Job, show what the Job prints, and leave with its exit code.

    Ctrl-C and SIGTERM end the showing only, not the Job.
    """
    from gatewayctl.reports.endings import JobEnd

    if session.spec.platform.kind != "kubernetes":
        raise UsageFault("--in-cluster needs platform kubernetes", hint=f"{session.spec.file}: platform.kind")
    progress = Progress(make_console())
    job = submit_release(session, app, options, progress.relay)
    try:
        with on_sigterm(raise_interrupt):
            code = job.follow()
    except KeyboardInterrupt:
        progress.title(_describe_detached(app, job))
        raise typer.Exit(_DETACHED) from None
    ended = session.find_release(app, job.release)
    if ended is None:
        raise NotBegun(job, code)
    show(output, JobEnd(ended, job.name, job.namespace))
    raise typer.Exit(code)


def _describe_detached(app: str, job: ReleaseJob) -> str:
    return (
        f"detached: release {job.release} goes on in the cluster\n"
        f"  → gatewayctl status {app} --namespace {job.namespace} --watch\n"
        f"  → kubectl logs --namespace {job.namespace} --follow job/{job.name}"
    )
