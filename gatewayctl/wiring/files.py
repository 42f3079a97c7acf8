"""Files that a person names on the command line: saved plans, and gateway files in a checkout."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayctl.domain.plan import Plan
    from gatewayctl.domain.routing import Files


def write_plan(plan: "Plan", file: Path) -> None:
    """Save a plan, readable by its owner only. Raises UsageFault."""
    from gatewayctl.adapters.files.plans import save_plan

    save_plan(plan, file)


def read_plan(file: Path) -> "Plan":
    """The plan that `write_plan` saved. Raises UsageFault."""
    from gatewayctl.adapters.files.plans import plan_from

    return plan_from(file)


def replace_files(before: "Files", after: "Files") -> None:
    """Write `after` over `before`, file by file. Raises StaleWrite when one is not as it was read."""
    from gatewayctl.adapters.files.textfiles import replace

    replace(before, after)
