"""Marks and counts the requests of a process: that of a suite, and every Python program that its tests start."""

import atexit
import functools
import os

from gatewayctl.child_process.marking import Marking, install
from gatewayctl.child_process.run_context import EventFile
from gatewayctl.child_process.tally import Tally
from gatewayctl.domain.smoke import RunContext


@functools.cache
def tally_of(run_context: RunContext) -> Tally:
    """The counts of this process."""
    return Tally(run_context.endpoints.attribution)


@functools.cache
def mark_process(run_context: RunContext) -> Marking:
    """From now on, mark all requests of this process, and report their answers; once, however often it is called."""
    tally, lines = tally_of(run_context), EventFile(run_context.events)
    marking = Marking(run_context.endpoints, tally)
    install(marking)
    atexit.register(lambda: lines.write(kind="answers", process=os.getpid(), **tally.figures()))
    return marking
