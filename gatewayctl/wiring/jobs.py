"""Start a release as a Job in the cluster, and run the parts of a load that Jobs share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayctl.wiring.discovery import Session, current_holder

if TYPE_CHECKING:
    from gatewayctl.domain.smoke import LoadRun
    from gatewayctl.ports import Tick


@dataclass(frozen=True, slots=True)
class ReleaseJob:
    """A Job that was started: its name, the release it makes, where it runs.

    `follow` shows what its Pods print until its work is over, and returns the exit code. Raises EnvironmentFailed.
    """

    name: str
    release: str
    namespace: str
    follow: Callable[[], int]


def submit_release(session: Session, app: str, options: tuple[str, ...], show: Callable[[str], None]) -> ReleaseJob:
    """Start the Job of a new release; `options` are those of the command `job`, `show` gets the lines of its Pods.

    Raises UsageFault, EnvironmentFailed.
    """
    from gatewayctl.adapters.kubernetes.client.api import connect
    from gatewayctl.adapters.kubernetes.doctor.rbac import require_job_permissions
    from gatewayctl.adapters.kubernetes.jobs.follower import JobFollower
    from gatewayctl.adapters.kubernetes.jobs.runner import Runner
    from gatewayctl.adapters.kubernetes.jobs.submission import JobRequest, job_of

    spec, platform = session.spec, session.spec.platform
    runner = Runner(connect(platform.context), platform.namespace)
    task, files = job_of(
        JobRequest(
            app=session.app(app),
            options=options,
            config=spec.file,
            text=spec.text,
            namespace=platform.namespace,
            image=platform.runner.image,
            account=platform.runner.account,
            actor=current_holder().actor,
            neighbours=session.neighbours(app),
        )
    )
    require_job_permissions(runner.api, platform.namespace)
    runner.check_account(task.account)
    runner.start(task, files)
    follower = JobFollower(runner, task, app, show, session.ports.clock)
    return ReleaseJob(task.name, task.release, task.namespace, follower.follow)


def run_load_part(run: "LoadRun", master: str, tick: "Tick") -> str:
    """One part of a load that several Pods share; returns how locust ended, as JSON. Raises EnvironmentFailed.

    `master` is the address of a worker's master; if it is empty, this process is the master. `tick` gets the progress.
    """
    from gatewayctl.adapters.smoke import load

    part = load.worker_options(master) if master else load.master_options(run.workers)
    return load.run_locust(run, tick, part).to_json()
