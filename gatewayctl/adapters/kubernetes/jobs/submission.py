"""Creates the Job that runs a release, with the files that it needs."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.adapters.kubernetes.jobs.bundle import Bundle, bundle
from gatewayctl.adapters.kubernetes.jobs.manifest import FILES, Task
from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.release import Target


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A release of `app` with the command line `options`, as `account` in `namespace`, in Pods of `image`.

    `text` is the configuration, which `config` names; `actor` is the person who asks for the release. `neighbours` are
    the other applications of the gateway.
    """

    app: AppSpec
    options: tuple[str, ...]
    config: Path
    text: str
    namespace: str
    image: str
    account: str
    actor: str
    neighbours: tuple[Target, ...] = ()


def job_of(request: JobRequest) -> tuple[Task, Bundle]:
    """The Job of a new release, with an id of its own, and its files.

    Raises UsageFault where they are too large, or one of them is a private key.
    """
    app = request.app
    targets = (app.target, *request.neighbours)
    for target in targets:
        _check_no_key(target, request.config.parent.absolute())
    authorities = [target.tls.ca for target in targets if target.tls and target.tls.ca]
    files = bundle(request.config, request.text, [path for _, path in app.trial.files], authorities)
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


def _check_no_key(target: Target, folder: Path) -> None:
    """Raise UsageFault for a key that would have to be sent: whoever may read ConfigMaps could read it there."""
    tls = target.tls
    if tls and tls.key and Path(tls.key).is_relative_to(folder):
        raise UsageFault(
            f"probe.key of {target.app} is a private key, and --in-cluster sends files in a ConfigMap",
            hint="make the release without --in-cluster, on a machine that has the key; or name certificate and key by "
            "absolute paths at which the Job's Pods have them",
        )
