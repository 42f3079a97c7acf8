"""The ramp of `gatewayctl demo`: a preset with short steps in the example's configuration, and customers."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayctl.domain.errors import EnvironmentFailed, UsageFault
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.plan_lines import duration
from gatewayctl.domain.ramp import PRESETS

if TYPE_CHECKING:
    from gatewayctl.wiring.discovery import Session

RATE = 400.0  # requests a second of all customers: enough to judge 10 percent of them in about a minute
STEP = 10.0  # seconds
_PATH = "/api/orders/slow"
_ENDED = 20.0  # seconds in which the customers have to end; their longest request takes 10
_STEPS = re.compile(r"(?<=^  steps: ).*$", re.MULTILINE)
_TESTS = re.compile(r"^    smoke:.*\n(?:     .*\n)*", re.MULTILINE)


class DemoRamp(StrEnum):
    """The presets."""

    MESH = "mesh"
    INGRESS = "ingress"
    HOURLY = "hourly"

    @property
    def told(self) -> str:
        """What the demo does with the preset, for a person."""
        steps = PRESETS[self]
        shares = ", ".join(str(step.share) for step in steps)
        return (
            f"ramp {self}: {shares} % of real traffic; each step takes at least {duration(STEP)}, not "
            f"{duration(steps[0].seconds)}, and lasts until the judge has decided\n"
            "the judge of this demo has wider margins and leaves out the mean, as its gatewayctl.yaml says; "
            f"customers send {RATE:g} requests a second"
        )


@dataclass(slots=True)
class Crowd:
    """The customers of the demo. `text` is what they saw, once they have ended."""

    text: str = ""


def put_ramp(folder: Path, ramp: DemoRamp) -> None:
    """Put the ramp in place of the tests of orders, in the gatewayctl.yaml of `folder`.

    Raises UsageFault where the gateway gives no statistics, by which its canary could be judged.
    """
    from gatewayctl.config.load import load
    from gatewayctl.gateways.registry import gateway

    config, block = folder / "gatewayctl.yaml", folder / "ramp.yaml"
    kind = load(config).behind("orders").gateway.kind
    if not gateway(kind).statistics:
        raise UsageFault(
            f"the demo judges a ramp by the gateway's own statistics, and {kind} has none",
            hint="gatewayctl demo --ramp mesh --gateway envoy; in a gatewayctl.yaml, judge: none is a ramp without one",
        )
    steps = ", ".join(f"{{share: {step.share}, for: {duration(STEP).replace(' ', '')}}}" for step in PRESETS[ramp])
    text = _STEPS.sub(f"[{steps}]", block.read_text(encoding="utf-8"))
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    config.write_text(_TESTS.sub(lambda _found: lines, config.read_text(encoding="utf-8"), count=1), encoding="utf-8")


@contextmanager
def customers(session: "Session") -> Iterator[Crowd]:
    """Customers in a process of their own, from now to the end of the block; they end with this process, too.

    Ctrl-C is not for them: they see the way back. Raises EnvironmentFailed when they have not ended as they should.
    """
    crowd = Crowd()
    gateways = [word for one in session.ports.gateway.replicas.list() for word in ("--gateway", one.traffic)]
    host = session.app("orders").target.probe.host
    command = [sys.executable, "-m", "gatewayctl.example.customers", *gateways]
    process = subprocess.Popen(
        [*command, "--host", host, "--path", _PATH, "--rate", f"{RATE:g}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield crowd
        crowd.text = _end(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _end(process: "subprocess.Popen[str]") -> str:
    """End the customers, and say what they saw."""
    try:
        output, _ = process.communicate(timeout=_ENDED)
        counts: dict[str, int] = parse_json(output)
    except (subprocess.TimeoutExpired, ValueError) as fault:
        raise EnvironmentFailed(f"the customers of the demo did not say what they saw: {fault}") from fault
    failed = counts.pop("failed", 0)
    total = sum(counts.values()) + failed
    versions = ", ".join(f"{count:,} by {version}" for version, count in sorted(counts.items()))
    return f"{total:,} requests: answered {versions}; failed {failed:,}"
