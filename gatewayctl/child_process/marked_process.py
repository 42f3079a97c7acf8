"""Marks and counts the requests of a process: that of a suite, and every Python program that its tests start."""

import functools
from typing import Any

from gatewayctl.child_process import present_test
from gatewayctl.child_process.marking import Marking, install
from gatewayctl.child_process.on_import import patch_on_import
from gatewayctl.child_process.run_context import EventFile
from gatewayctl.child_process.tally import Tally
from gatewayctl.domain.smoke import RunContext


@functools.cache
def mark_process(run_context: RunContext) -> Marking:
    """From now on, mark all requests of this process, and report their answers; once, however often it is called."""
    marking = Marking(run_context.endpoints, Tally(run_context.endpoints.attribution, EventFile(run_context.events)))
    if present_test.is_inside_test():
        present_test.keep_outer_test()
    install(marking)
    present_test.follow_threads()
    patch_on_import({"asyncio.base_events": _follow_tasks})
    return marking


def _follow_tasks(base_events: Any) -> None:
    from gatewayctl.child_process.task_owners import follow_tasks  # imports asyncio

    follow_tasks(base_events)
