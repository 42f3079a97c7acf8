"""`gatewayctl demo`: the whole job on this machine, with a real gateway and an example shop."""

import shutil
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatewayctl.cli.demo_ramp import Crowd, DemoRamp, customers, put_ramp
from gatewayctl.cli.drafts import draft_plan
from gatewayctl.cli.ending import save_report
from gatewayctl.cli.options import Out, Output
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.show import exit_code, show
from gatewayctl.cli.signals import stop_on_signal
from gatewayctl.domain.errors import Busy, NeedsPerson, UsageFault
from gatewayctl.domain.release import Mode, Outcome, Release
from gatewayctl.wiring.discovery import Session, wire
from gatewayctl.wiring.sandbox import is_sandbox_running, run_sandbox

if TYPE_CHECKING:
    from gatewayctl.domain.platform import VersionedFiles

APP = "orders"
HOME = Path(".gatewayctl/demo")


class DemoCanary(StrEnum):
    """What kind of new version the demo tries."""

    GOOD = "good"
    ERRORS = "errors"
    SLOW = "slow"
    CRASH = "crash"
    UNREADY = "unready"
    ERRORS_2_PERCENT = "errors2pct"
    SLOW_3_TIMES = "slow3x"

    @property
    def image(self) -> str:
        """Its image in the example's sandbox."""
        return "shop/orders:1.1" if self is DemoCanary.GOOD else f"shop/orders:1.1-{self.value}"


class DemoGateway(StrEnum):
    """Which gateway the example runs behind."""

    ENVOY = "envoy"
    NGINX = "nginx"
    SPRING = "spring-cloud-gateway"


def demo(
    canary: Annotated[
        DemoCanary, typer.Option(help="What the new version does; all but good are rejected.")
    ] = DemoCanary.GOOD,
    gateway: Annotated[DemoGateway, typer.Option(help="The gateway product the shop runs behind.")] = DemoGateway.ENVOY,
    ramp: Annotated[
        DemoRamp | None, typer.Option(help="Real traffic in the steps of this preset, shortened, and judged.")
    ] = None,
    home: Annotated[Path, typer.Option("--dir", help="Where the example and its evidence are put.")] = HOME,
    output: Out = Output.TEXT,
) -> None:
    """A whole release on real processes on loopback, which leaves nothing running.

    Exit code 3 when the canary is rejected, as `release` does.
    """
    from gatewayctl.reports.endings import DemoEnd

    progress = Progress(make_console())
    config = unpack(home, gateway) / "gateway-config" / "gatewayctl.yaml"
    if ramp:
        put_ramp(config.parent, ramp)
    session = wire(config, progress)
    progress.title(f"starting the example shop behind a real gateway, in {home}")
    with (
        stop_on_signal(),
        run_sandbox(session.spec, session.ports.clock),
    ):
        progress.title(f"look at it from another terminal: gatewayctl status {APP}")
        before = session.ports.gateway.store.read()
        if ramp:
            progress.title(ramp.told)
        with customers(session) if ramp else nullcontext(Crowd()) as crowd:
            made = draft_plan(session, APP, canary.image, Mode.ON_SUCCESS, any_tag=False)
            ended = session.driver.begin(made.release)
        check_nothing_left(session, ended, before)
        stable = session.ports.workloads.read(ended.target.stable).image
    show(output, DemoEnd(ended, stable, save_report(session, ended), crowd.text))
    raise typer.Exit(int(exit_code(ended)))


def unpack(home: Path, gateway: DemoGateway = DemoGateway.ENVOY) -> Path:
    """Make a fresh copy of the example in `home`, behind one gateway. Raises Busy, UsageFault."""
    from gatewayctl.example import example_folder

    if home.exists() and not home.is_dir():
        raise UsageFault(f"{home} is not a folder", hint="give an empty --dir")
    if is_sandbox_running(home / "gateway-config"):
        raise Busy(f"a demo runs in {home}", hint="wait for it, or give another --dir")
    source = example_folder()
    if home.exists() and any(home.iterdir()) and not (home / "gateway-config").is_dir():
        raise UsageFault(f"{home} holds something else", hint="give an empty --dir")
    shutil.rmtree(home, ignore_errors=True)
    for name in ("gateway-config", "smoke"):
        shutil.copytree(source / name, home / name, ignore=shutil.ignore_patterns("__pycache__", ".gatewayctl"))
    for other in DemoGateway:
        own = home / "gateway-config" / other
        if own.is_dir() and other is gateway:
            shutil.copytree(own, home / "gateway-config", dirs_exist_ok=True)
        shutil.rmtree(own, ignore_errors=True)
    return home


def check_nothing_left(session: Session, ended: Release, before: "VersionedFiles") -> None:
    """Raise NeedsPerson when routes, canary or stable are not as the end of the release promises.

    `before` are the gateway's files from before the release.
    """
    ports = session.ports
    stable, canary = ports.workloads.read(ended.target.stable), ports.workloads.read(ended.target.canary)
    wanted = ended.image if ended.outcome is Outcome.PROMOTED else ended.before
    checks = {
        "the release has not ended": ended.ended,
        "the routes differ": ports.gateway.store.read().files == before.files,
        f"the canary has {len(canary.pods)} pods": not canary.pods and not canary.replicas,
        f"stable runs {stable.image}, not {wanted}": stable.image == wanted and stable.settled,
    }
    left = [what for what, fine in checks.items() if not fine]
    if left:
        raise NeedsPerson("the demo left something behind: " + "; ".join(left))
