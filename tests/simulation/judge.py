"""Judges each move of a journal: the order of steps, what a proof rests on, whether what it says is done is done."""

from collections import defaultdict

from gatewayctl.domain.release import Outcome, Phase, Release
from tests.simulation.coverage import proves_all, wanted_for
from tests.simulation.faults import LASTING_FAULTS, PASSING_FAULTS, Fault
from tests.simulation.fences import Violation, Writer
from tests.simulation.listings import Gate
from tests.simulation.reasons import LASTING, PASSING, Reasons
from tests.simulation.rollouts import Looked, rolled_out, why_incomplete, why_too_late
from tests.simulation.transitions import why_wrong
from tests.simulation.troubles import Strict
from tests.simulation.world import SimWorld

_LONG_AGO = -1000.0
_UNDER_WAY = 5.0  # seconds from a decision to the write that follows from it, without faults


class Judge:
    """`disturbed` is when something that is no release last happened to the Pods of a Deployment (seconds)."""

    def __init__(self, world: SimWorld) -> None:
        self.world, self.strict = world, world.plan.strict
        self.reasons = Reasons()
        self.disturbed: dict[str, float] = defaultdict(lambda: _LONG_AGO)

    def check_move(self, writer: Writer, old: Release | None, new: Release) -> None:
        """Raises Violation when one release may not be moved like that, by this process, now."""
        if Strict.ONE_RELEASE in self.strict and writer.meant not in ("", new.id):
            raise Violation("I10", f"{writer.name} means {writer.meant}, and moves {new.id}")
        if writer.elsewhere:
            raise Violation("I10", f"{writer.name} moves {new.id}, and is about the gateway in {writer.elsewhere}")
        if old is None:
            self.reasons.begin(new, self.world.time)
            return
        if any(gate.lag > self.world.plan.lag for gate in self.world.gates.values()):
            self.reasons.note(LASTING, self.world.time)  # it may be slow since before the release
        wrong = why_wrong(old, new, writer.mover)
        if not wrong and not (new.outcome is Outcome.FAILED and writer.mover.wall > new.expires):
            wrong = self.reasons.why_unexplained(
                old, new, passing=Strict.PASSING in self.strict, blame=Strict.BLAME in self.strict
            )
        if wrong:
            raise Violation(*wrong)
        self._check_replicas(writer, old, new)
        self._check_rollout(writer, old, new)
        late = why_too_late(old, new, writer.mover, strict=Strict.EXPIRY in self.strict)
        if late:
            raise Violation("expiry", late)
        self._check_coverage(writer, old, new)
        if old.phase is not new.phase:
            writer.coverage.begin(self.world.time)

    def note_fault(self, app: str, fault: Fault) -> None:
        """A process that works on `app` met a fault. That it died, or was interrupted, explains no bad end."""
        if fault in PASSING_FAULTS | LASTING_FAULTS:
            self.reasons.note(PASSING if fault in PASSING_FAULTS else LASTING, self.world.time, app)

    def note_event(self, sort: str, name: str = "") -> None:
        """Something happened of itself, or by an outsider; to the Pods of the Deployment `name` if that is given."""
        self.reasons.note(sort, self.world.time, name.removesuffix("-canary"))
        if name:
            self.disturbed[name] = self.world.time

    def check_stable_write(self, writer: Writer, release: Release, image: str) -> None:
        """The first write of a promotion, which replaces `image`, may come from a resume long after its proof.

        A process that slept between its decision and its write is not to blame, nor is a write that was under way. A
        restore writes the image before over itself, and is never too late.
        """
        over = writer.mover.wall - release.expires
        is_first = image == release.before and self.world.deployments[release.app].image == release.image != image
        if Strict.EXPIRY in self.strict and is_first and over > _UNDER_WAY and not writer.mover.hindered:
            raise Violation("expiry", f"{release.id} gives stable its image {over:.0f} s after it expired")

    def _check_rollout(self, writer: Writer, old: Release, new: Release) -> None:
        rollout = rolled_out(old, new)
        if rollout is None or writer.saw_stale:
            return
        name, image = rollout
        why = why_incomplete(self.world, name, image, Looked(writer.read.get(name, _LONG_AGO), self.disturbed[name]))
        if why:
            raise Violation("rollout", f"{new.id} goes from {old.phase} to {new.phase}, and {why}")

    def _check_replicas(self, writer: Writer, old: Release, new: Release) -> None:
        """A replica that was down all the time was not proven; one that was lost makes what tests say worthless."""
        since = writer.coverage.since
        if proves_all(old, new):
            for gate in self.world.gates.values():
                if not gate.up and gate.down_since < since:
                    raise Violation("I2", f"{new.id} goes from {old.phase} to {new.phase}, and {gate.name} is down")
        tests = old.phase in (Phase.SMOKE, Phase.LOAD)
        believed = new.outcome in (Outcome.REJECTED, Outcome.INCONCLUSIVE)
        if tests and believed and old.outcome is not new.outcome and new.app not in self.reasons.bad:
            lost = self.world.find_lost(*writer.tested)
            if lost:
                raise Violation("I11", f"{new.id} is {new.outcome}, and {lost} was lost during {old.phase}")

    def _check_coverage(self, writer: Writer, old: Release, new: Release) -> None:
        """I6: each replica that served from the beginning of a proof to its end was asked all that it rests on."""
        wanted = wanted_for(old, new, mute=self.world.is_mute, counts=self.world.counts_in_flight)
        since = writer.coverage.since
        names = [gate.name for gate in self.world.gates.values() if _served_since(gate, since - self.world.list_lag)]
        names = names if wanted else []
        missing = writer.coverage.find_missing(names, wanted)
        if missing:
            raise Violation("I6", f"{new.id} goes from {old.phase} to {new.phase}, and {missing}")


def _served_since(gate: Gate, since: float) -> bool:
    return gate.up and gate.serving_since < since
