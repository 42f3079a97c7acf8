"""`release --in-cluster`: the release runs as a Job; this terminal listens, and may go at any time."""

import secrets
from typing import TYPE_CHECKING, NoReturn

import typer

from gatewayctl.cli.job import recorded
from gatewayctl.cli.listener import Listener
from gatewayctl.cli.options import Output
from gatewayctl.cli.progress import a_console
from gatewayctl.cli.releases import at_sigterm, interrupt, outcome
from gatewayctl.cli.show import show
from gatewayctl.domain.errors import EnvironmentFailed, ExitCode, GatewayctlError, UsageFault
from gatewayctl.wiring.discovery import Wired, current_holder

if TYPE_CHECKING:
    from gatewayctl.adapters.kubernetes.jobs.manifest import Task
    from gatewayctl.adapters.kubernetes.jobs.runner import Runner

_DETACHED = 130  # as a shell says Ctrl-C


class NotBegun(GatewayctlError):
    """The Job could not begin the release; what it said was relayed."""

    def __init__(self, task: "Task", code: int) -> None:
        super().__init__(
            f"release {task.release} was not begun",
            hint=f"kubectl logs --namespace {task.namespace} job/{task.name}",
        )
        self.exit_code = ExitCode(code)


def release_in_cluster(wired: Wired, app: str, options: tuple[str, ...], output: Output) -> NoReturn:
    """Let a Job do it, tell what it says, and leave with its exit code. Ctrl-C and SIGTERM end the listening only."""
    from gatewayctl.adapters.kubernetes.client.api import connect
    from gatewayctl.adapters.kubernetes.jobs.runner import Runner
    from gatewayctl.reports.release import as_dict

    platform = wired.spec.platform
    if platform.kind != "kubernetes":
        raise UsageFault("--in-cluster needs platform kubernetes", hint=f"{wired.spec.file}: platform.kind")
    runner = Runner(connect(platform.context), platform.namespace)
    task = submit(runner, wired, app, options)
    try:
        with at_sigterm(interrupt):
            code = Listener(runner, wired, task, app).heard()
    except KeyboardInterrupt:
        a_console().print(_detached(app, task), markup=False)
        raise typer.Exit(_DETACHED) from None
    ended = recorded(wired, app, task.release)
    if ended is None:
        raise NotBegun(task, code)
    show(output, {**as_dict(ended), "job": task.name}, f"{outcome(ended)}\njob: {task.name} in {task.namespace}")
    raise typer.Exit(code)


def submit(runner: "Runner", wired: Wired, app: str, options: tuple[str, ...]) -> "Task":
    """Start the Job of a new release. Raises UsageFault, EnvironmentFailed."""
    from gatewayctl.adapters.kubernetes.doctor.rbac import job_permissions, missing
    from gatewayctl.adapters.kubernetes.jobs.bundle import bundle
    from gatewayctl.adapters.kubernetes.jobs.manifest import FILES, Task

    spec, asked = wired.spec, wired.app(app)
    taken = bundle(spec.file, spec.text, [path for _, path in asked.trial.files])
    release = f"r-{secrets.token_hex(3)}"
    task = Task(
        name=f"gatewayctl-{app}-{release}",
        release=release,
        namespace=spec.platform.namespace,
        image=spec.platform.runner.image,
        account=spec.platform.runner.account,
        arguments=("job", app, "--id", release, *options, "--config", f"{FILES}/{taken.config}"),
        actor=current_holder().actor,
        # What is proven expires; the way back may take as long again.
        deadline=2 * asked.trial.timings.time_to_live,
    )
    lacking = missing(runner.api, job_permissions(task.namespace))
    if lacking:
        raise EnvironmentFailed(
            "to start a Job you lack " + "; ".join(map(str, lacking)), hint="manifests/submitter.yaml grants it"
        )
    runner.check(task.account)
    runner.start(task, taken)
    return task


def _detached(app: str, task: "Task") -> str:
    return (
        f"detached: release {task.release} goes on in the cluster\n"
        f"  → gatewayctl status {app} --namespace {task.namespace} --watch\n"
        f"  → kubectl logs --namespace {task.namespace} --follow job/{task.name}"
    )
