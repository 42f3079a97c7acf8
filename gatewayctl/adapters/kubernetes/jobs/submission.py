"""Creates the Job that runs a release, with the files that it needs."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.adapters.kubernetes.jobs.bundle import Bundle, bundle
from gatewayctl.adapters.kubernetes.jobs.manifest import FILES, Task
from gatewayctl.domain.apps import AppSpec


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A release of `app` with the command line `options`, as `account` in `namespace`, in Pods of `image`.

    `text` is the configuration, which `config` names; `actor` is the person who asks for the release.
    """

    app: AppSpec
    options: tuple[str, ...]
    config: Path
    text: str
    namespace: str
    image: str
    account: str
    actor: str


def job_of(request: JobRequest) -> tuple[Task, Bundle]:
    """The Job of a new release, with an id of its own, and its files. Raises UsageFault where they are too large."""
    app = request.app
    files = bundle(request.config, request.text, [path for _, path in app.trial.files])
    release = f"r-{secrets.token_hex(3)}"
    task = Task(
        name=f"gatewayctl-{app.target.app}-{release}",
        release=release,
        namespace=request.namespace,
        image=request.image,
        account=request.account,
        arguments=("job", app.target.app, "--id", release, *request.options, "--config", f"{FILES}/{files.config}"),
        actor=request.actor,
        # What is proven expires after the time to live; the way back may take as long again.
        deadline=2 * app.trial.timings.time_to_live,
    )
    return task, files
