"""A release in a process that kills itself (SIGKILL) as soon as a given phase is in the journal.

python -m tests.sandbox.killed_release PHASE IMAGE
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from gatewayctl.domain.lifecycle import PromoteAsked
from gatewayctl.domain.release import Mode, Record, Release
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.planning import ReleaseRequest, draft
from gatewayctl.ports import Journal
from gatewayctl.wiring.discovery import current_holder, wire
from tests.fakes.memory import Silent


class DoomedJournal:
    """A journal whose process dies right after it wrote `phase`, before the effect."""

    def __init__(self, journal: Journal, phase: str) -> None:
        self.journal, self.phase, self.staleness = journal, phase, journal.staleness

    def load(self, app: str) -> Record | None:
        return self.journal.load(app)

    def save(self, app: str, release: Release, expected: int) -> Record:
        record = self.journal.save(app, release, expected)
        if release.phase == self.phase:
            os.kill(os.getpid(), signal.SIGKILL)
        return record

    def has_moved(self, app: str, version: int) -> bool:
        return self.journal.has_moved(app, version)

    def history(self, app: str) -> tuple[Release, ...]:
        return self.journal.history(app)


def main() -> None:
    phase, image = sys.argv[1:]
    wired = wire(Path(os.environ["GATEWAYCTL_CONFIG"]), Silent())
    ports = replace(wired.ports, journal=DoomedJournal(wired.ports.journal, phase))
    driver = Driver(ports, current_holder())
    mode = Mode.MANUAL if phase == "wait" else Mode.ON_SUCCESS
    app = wired.app("orders")
    # Suites take seconds to start: each runs where it is what is killed.
    suite = app.trial.suite if phase == "smoke" else None
    load = app.trial.load if phase == "load" else None
    app = replace(app, trial=replace(app.trial, suite=suite, load=load))
    release = draft(ports, ReleaseRequest(app, image, mode, current_holder().actor, wired.neighbours("orders")))
    ended = driver.begin(release)
    if not ended.ended:
        driver.send("orders", PromoteAsked())
    raise SystemExit(f"never came to {phase}: {ended.phase} {ended.reason}")


if __name__ == "__main__":
    main()
