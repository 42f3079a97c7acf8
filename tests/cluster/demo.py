"""The demo on a real Kubernetes: python -m tests.cluster run --name demo -- python -m tests.cluster.demo good

The same story as `gatewayctl demo`, told by the same lines: three Envoys, Deployments, the ConfigMap that they read.
"""

import sys

from gatewayctl.cli.demo import APP, DemoCanary, check_nothing_left
from gatewayctl.cli.drafts import draft_plan
from gatewayctl.cli.ending import save_report
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.show import exit_code
from gatewayctl.cli.signals import stop_on_signal
from gatewayctl.domain.errors import GatewayctlError
from gatewayctl.domain.release import Mode
from gatewayctl.reports.endings import DemoEnd
from gatewayctl.wiring.discovery import wire
from tests.cluster import shop
from tests.cluster.place import entered


def main(kind: str) -> int:
    """A whole release of a canary of that kind; 3 when it is rejected, as `release` does."""
    progress, cluster = Progress(make_console()), entered()
    progress.title("bringing the example shop behind a real gateway into the cluster")
    shop.apply(cluster)
    session = wire(shop.MANIFESTS / "gatewayctl.yaml", progress)
    before = session.ports.gateway.store.read()
    inside = f"python -m tests.cluster enter --name {cluster.name} --"
    progress.title(f"look at it from another terminal: {inside} gatewayctl status {APP} --namespace shop")
    with stop_on_signal():
        made = draft_plan(session, APP, DemoCanary(kind).image, Mode.ON_SUCCESS, any_tag=False)
        ended = session.driver.begin(made.release)
        check_nothing_left(session, ended, before)
        stable = session.ports.workloads.read(ended.target.stable).image
    sys.stdout.write(f"{DemoEnd(ended, stable, save_report(session, ended)).text()}\n")
    return int(exit_code(ended))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except GatewayctlError as fault:
        sys.stderr.write(f"{fault}\n" + (f"try: {fault.hint}\n" if fault.hint else ""))
        sys.exit(fault.exit_code)
