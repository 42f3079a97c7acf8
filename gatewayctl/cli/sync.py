"""`gatewayctl sync`: the canary Deployment is brought in line with stable, but for what must be its own."""

from typing import Annotated

import typer

from gatewayctl.cli.options import App, Config, Out, Output
from gatewayctl.cli.progress import Progress, a_console
from gatewayctl.cli.show import show
from gatewayctl.domain.errors import Conflict, StaleWrite, UsageFault
from gatewayctl.wiring.discovery import wire


def sync(
    app: App,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change; write nothing.")] = False,
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """Bring the canary's Pod template in line with stable's; never its name, image, replicas or labels."""
    from gatewayctl.adapters.kubernetes.client.api import VersionConflict, connect
    from gatewayctl.adapters.kubernetes.client.paths import deployments
    from gatewayctl.adapters.kubernetes.doctor.selectors import twin
    from gatewayctl.adapters.kubernetes.doctor.twin_diff import differences, synced

    session = wire(config, Progress(a_console()), app)
    place, target, container = session.spec.platform, session.app(app).target, session.app(app).container
    if place.kind != "kubernetes":
        raise UsageFault(f"sync needs a cluster; platform.kind is {place.kind}", hint="the sandbox makes twins itself")
    api = connect(place.context)
    stable, canary = (twin(api, place.namespace, name) for name in (target.stable, target.canary))
    found, operations = differences(stable, canary, container), synced(stable, canary, container)
    if operations and not diff:
        if canary.get("spec", {}).get("replicas", 1):
            raise Conflict(
                f"{target.canary} runs: writing to it now would restart its Pods",
                hint=f"let its release end first: gatewayctl status {app}",
            )
        try:
            api.patch(deployments(place.namespace, target.canary), operations)
        except VersionConflict as fault:
            raise StaleWrite(f"{target.canary} was changed by someone else meanwhile", hint="try again") from fault
    done = "nothing to do" if not found else "not written" if diff else "written"
    rows = [{"path": one.path, "stable": one.stable, "canary": one.canary} for one in found]
    lines = [*(f"{one.path}: {one.canary} → {one.stable}" for one in found), f"{target.canary}: {done}"]
    show(output, {"schema": "gatewayctl.sync/1", "app": app, "done": done, "changes": rows}, "\n".join(lines))
