"""Whether a release is still ours: asked for certain before a write, and once a second while a step waits."""

from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.domain.errors import Superseded, Transient
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Holder, Probe, Replica
from gatewayctl.domain.release import Record
from gatewayctl.orchestration.context import Ports
from gatewayctl.ports import Prober

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
        if now is None or (now.version, now.release.id) != (self.record.version, self.record.release.id):
            who = now.release.notes[-1].actor if now and now.release.notes else "another process"
            raise Superseded(f"{who} moved it on")

    def poll(self) -> None:
        """A cheap check that may miss a takeover for a moment; `verify` does not."""
        app = self.record.release.app
        self.ports.leases.renew(app, self.holder)
        if self.ports.journal.has_moved(app, self.record.version):
            self.verify()

    def make_watch(self) -> Callable[[], None]:
        """A check for moments in which a step waits: it polls once a second, however often it is called.

        A poll that fails with Transient ends nothing while the last one that succeeded is younger than the lease's safe
        time: until then nobody else can have taken the release over. After that the check raises it.
        """
        clock, phase, listener = self.ports.clock, self.record.release.phase, self.ports.listener
        looked = sure = clock.now()

        def watch() -> None:
            nonlocal looked, sure
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

        return watch


@dataclass(frozen=True, slots=True)
class WatchedProber:
    """ports.Prober that calls `watch` before each probe: many slow ones take longer than a lease lives."""

    prober: Prober
    watch: Callable[[], None]

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        """One answer, as the prober gives it. Raises what `watch` raises."""
        self.watch()
        return self.prober.ask(replica, probe)
