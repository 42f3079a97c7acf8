"""Whether a release is still ours: asked for certain before a write, and once a second while a step waits."""

from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.domain.errors import Superseded, Transient
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Record
from gatewayctl.orchestration.context import Ports

LOOK_EVERY = 1.0  # seconds between two looks at lease and journal while waiting


@dataclass(frozen=True, slots=True)
class Ownership:
    """A release as of `record`, and the `holder` of its lease."""

    ports: Ports
    holder: Holder
    record: Record

    def verify(self) -> None:
        """A certain check: it reads the journal itself. Raises Superseded, Busy, and Transient when nobody can tell."""
        app = self.record.release.app
        self.ports.leases.renew(app, self.holder)
        now = self.ports.journal.load(app)
        if now is None or now.version != self.record.version:
            who = now.release.notes[-1].actor if now and now.release.notes else "another process"
            raise Superseded(f"{who} moved it on")

    def poll(self) -> None:
        """A cheap check that may miss a takeover for a moment; `verify` does not."""
        app = self.record.release.app
        self.ports.leases.renew(app, self.holder)
        if self.ports.journal.has_moved(app, self.record.version):
            self.verify()

    def make_tick(self) -> Callable[[str], None]:
        """A tick that reports progress, and once a second polls.

        A poll that fails with Transient ends nothing while the last one that succeeded is younger than the lease's safe
        time: until then nobody else can have taken the release over. After that the tick raises it.
        """
        clock, phase, listener = self.ports.clock, self.record.release.phase, self.ports.listener
        looked = sure = clock.now()

        def tick(text: str) -> None:
            nonlocal looked, sure
            listener.progress(phase, text)
            begun = clock.now()
            if begun - looked < LOOK_EVERY:
                return
            try:
                self.poll()
                sure = begun
            except Transient as fault:
                unsure = clock.now() - sure
                if unsure >= self.ports.leases.safe_time:
                    raise Transient(str(fault), hint=fault.hint, lasted=unsure) from fault
                listener.progress(phase, f"not known for {unsure:.0f} s whether the release is still ours: {fault}")
            looked = clock.now()

        return tick
