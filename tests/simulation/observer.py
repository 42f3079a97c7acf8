"""Sees the true state after every step, and says which invariant of the design does not hold.

It knows what outsiders did (people without compare-and-swap, controllers, pods that die) and does not blame a release
for that: an invariant speaks of what gatewayctl does, and of what it claims.
"""

from collections.abc import Callable

from gatewayctl.domain.release import Outcome, Phase, Record, Release
from gatewayctl.domain.routing import Files
from tests.simulation.fences import Fences, Violation, Writer
from tests.simulation.foreign import LONG_AGO, Foreign
from tests.simulation.judge import Judge
from tests.simulation.listings import Gate
from tests.simulation.shares import (
    ROUTED,
    WRITES_RULE,
    canary_sizes,
    check_carried,
    check_share,
    check_share_write,
    is_steered,
)
from tests.simulation.tally import Tally
from tests.simulation.views import view_of, without
from tests.simulation.world import APPS, SimWorld

_STEERING = ("pause", "skip")
DRAIN = 5.0  # seconds that a release of the simulation gives to requests in flight


class Observer:
    """The invariants. `foreign` is what outsiders did."""

    def __init__(self, world: SimWorld, tally: Tally) -> None:
        self.world, self.tally = world, tally
        self.fences, self.judge = Fences(world, tally), Judge(world)
        self.foreign = Foreign(world, tally, self.judge)
        self.proof_began = dict.fromkeys(APPS, LONG_AGO)
        self.confirm_began = dict.fromkeys(APPS, LONG_AGO)
        self.share_began = dict.fromkeys(APPS, LONG_AGO)  # when the last share was journaled
        self.drain_began = dict.fromkeys(APPS, LONG_AGO)
        self.images_before: dict[str, tuple[str, str]] = {}  # per release: images of stable and canary when it began
        self.passed_suites: set[tuple[str, str]] = set()  # (stamp, suite) that truly passed
        self.untested: set[str] = set()  # applications that somebody wants promoted without suites
        self.starts: dict[tuple[str, Phase], list[tuple[float, Callable[[], object]]]] = {}
        self._judged = 0

    # -- the state, after every step ------------------------------------------------------------------------------

    def check_now(self) -> None:
        """I1, I2 and I3 as they are now."""
        self.world.dirty = False
        while self._judged < len(self.world.published):
            self.foreign.rule_versions.update((app, self._judged) for app in APPS if self.foreign.has_rule[app])
            self._judged += 1
        for gate in self.world.gates.values():
            if gate.up:
                self._check_replica(gate)
        for app, record in self.world.records.items():
            if record.release.phase in ROUTED:
                self._check_routed(record.release, self.proof_began[app])
            if record.release.phase is Phase.PROMOTE and is_steered(record.release):
                self._check_carried(record.release)

    def _check_replica(self, gate: Gate) -> None:
        running = self.world.files_run_by(gate)
        if running.leak:
            raise Violation("I1", f"{gate.name} sends unmarked requests to {running.leak}")
        for app, shares in running.shares.items():
            if not (gate.is_stale or (app, gate.applied) in self.foreign.rule_versions):
                check_share(self.world, gate.name, app, shares)
        for app in running.rules:
            ready = self.world.ready(f"{app}-canary") > 0
            if ready:
                self.foreign.lost_canary[app] = False
            elif not (
                gate.is_stale or self.foreign.lost_canary[app] or (app, gate.applied) in self.foreign.rule_versions
            ):
                raise Violation("I3", f"{gate.name} has a rule to {app}-canary, which has no ready pod")
            if running.undefined and not (gate.is_stale or any(self.foreign.has_rule.values())):
                raise Violation("I3", f"{gate.name} has a rule to {running.undefined}, which it does not know")

    def _check_carried(self, release: Release) -> None:
        """While stable rolls without traffic; unless an outsider disturbed what was proven."""
        if self.foreign.disturbed_at[release.app] < self.confirm_began[release.app]:
            check_carried(self.world, release, self.share_began[release.app])

    def _check_routed(self, release: Release, since: float) -> None:
        """I2: on each replica that was there when the proof began, unless an outsider disturbed what was proven."""
        app = release.app
        if self.foreign.disturbed_at[app] >= since:
            return
        wanted = (release.header.name, release.header.value, release.stamp if release.stamps else "")
        for gate in self.world.gates.values():
            if not gate.up or gate.serving_since >= since - self.world.list_lag:  # one of a moment ago is not listed
                continue
            running = self.world.files_run_by(gate)
            same = [rule for rule in running.rules.get(app, ()) if (rule.header, rule.value, rule.stamp) == wanted]
            if len(same) < running.plain.get(app, 0) or not self.world.ready(release.target.canary):
                raise Violation("I2", f"{release.id} says {release.phase}, and {gate.name} does not serve its rule")

    # -- what releases write --------------------------------------------------------------------------------------

    def check_deployment_write(self, writer: Writer, name: str, image: str, replicas: int | None) -> None:
        """A release wrote a Deployment that ran `image` before."""
        release = self._check_writer(writer, name)
        if name == writer.app:
            self._check_stable_write(release, image, replicas)
            self.judge.check_stable_write(writer, release, image)
        elif replicas == 0:
            self._check_stop(writer, release)
        elif replicas not in (None, 1, *canary_sizes(self.world, release)):
            raise Violation("I9", f"{release.id} gave {name} {replicas} replicas")
        elif image != self.world.deployments[name].image:
            self._check_rule_gone(writer, release, "a new image")

    def _check_stable_write(self, release: Release, image: str, replicas: int | None) -> None:
        if release.phase not in (Phase.PROMOTE, Phase.RETURN, Phase.RESTORE):  # a delayed one is restored after RETURN
            raise Violation("I9", f"{release.id} changed {release.app} in phase {release.phase}")
        if replicas is not None:
            raise Violation("I9", f"{release.id} changed the replicas of {release.app}")
        now = self.world.deployments[release.app].image
        if now not in (release.image, self.images_before[release.id][0]):
            raise Violation("I9", f"{release.id} gave {now} to {release.app}")
        if image not in (release.image, release.before):
            raise Violation("I7", f"{release.id} overwrote {image}, which someone gave to {release.app}")
        self.foreign.image.pop(release.app, None)

    def _check_stop(self, writer: Writer, release: Release) -> None:
        """Break before unmake: no replica that could be known sends to what is stopped, or still waits for it."""
        self.foreign.canary[release.app] = False
        self._check_rule_gone(writer, release, "0 replicas")
        canary, since = release.target.canary, self.drain_began[release.app]
        for gate in self._replicas_known_to(writer):
            if gate.serving_since >= since or self.foreign.disturbed_at[release.app] >= since:
                continue  # it came with the rule when the others were being drained
            over = gate.last_answer_at.get(canary, LONG_AGO)
            if (release.app, gate.rule_version.get(canary, -1)) in self.foreign.rule_versions:
                continue
            if self.world.time < min(over, gate.rule_gone_at.get(canary, LONG_AGO) + DRAIN):
                raise Violation("I3", f"{canary} was stopped while {gate.name} waited for its answer")

    def _check_rule_gone(self, writer: Writer, release: Release, what: str) -> None:
        for gate in self._replicas_known_to(writer):
            if self.foreign.has_rule[release.app]:
                continue
            if self._has_own_rule(gate, release.app):
                raise Violation("I3", f"{release.target.canary} was given {what} while {gate.name} has its rule")
            versions = (
                one
                for one in self.world.versions_still_to_come(gate)
                if (release.app, one) not in self.foreign.rule_versions
            )
            if any(release.app in self.world.views[one].rules for one in versions):
                raise Violation(
                    "I3", f"{release.target.canary} was given {what}, and {gate.name} may yet take its rule"
                )

    def _has_own_rule(self, gate: Gate, app: str) -> bool:
        """Whether a replica runs a rule that no outsider wrote; taken out again, theirs may still be on its way out."""
        return app in self.world.files_run_by(gate).rules and (app, gate.applied) not in self.foreign.rule_versions

    def _replicas_known_to(self, writer: Writer) -> list[Gate]:
        """The replicas that serve, and served already when this process last asked which there are."""
        return [gate for gate in self.world.gates.values() if gate.up and gate.serving_since < writer.listed]

    def check_route_write(self, writer: Writer, before: Files, after: Files) -> None:
        """A release wrote route files."""
        app = writer.app
        release = self._check_writer(writer, "routes")
        if view_of(after).leak:
            raise Violation("I1", f"{release.id} sends unmarked requests to {view_of(after).leak}")
        if without(before, app) != without(after, app):
            raise Violation("I7", f"{release.id} changed lines that are not its own")
        if without(after, app) == after:
            self.foreign.lines.discard(app)
        shares = view_of(after).shares.get(app, ())
        if shares != view_of(before).shares.get(app, ()):
            undisturbed = self.foreign.disturbed_at[app] < self.share_began[app]
            check_share_write(self.world, release, shares, undisturbed=undisturbed)
        if app not in view_of(after).rules:
            self.foreign.has_rule[app] = False
        elif view_of(before).rules.get(app) != view_of(after).rules[app]:
            if release.phase not in WRITES_RULE:  # a delayed one may come right before it is undone
                raise Violation("I5", f"{release.id} wrote a rule in phase {release.phase}")
            self.foreign.has_rule[app] = False

    def _check_writer(self, writer: Writer, what: str) -> Release:
        """Fencing: only for an open release, and never by a process that was followed by another one there."""
        record = self.world.records.get(writer.app)
        if record is None or record.release.ended:
            raise Violation("fencing", f"{writer.name} wrote {what} although {writer.app} has no open release")
        if writer.token is None:
            raise Violation("lease", f"{writer.name} wrote {what} without the lease of {writer.app}")
        self.fences.check_write(writer, what)
        self.fences.check_pending_writes(writer, "journal")
        return record.release

    # -- what releases say ----------------------------------------------------------------------------------------

    def check_journal_write(self, writer: Writer, before: Record | None, after: Record) -> None:
        """A process moved the journal."""
        app, old, new = writer.app, before.release if before else None, after.release
        if writer.token is not None:
            self.fences.check_write(writer, "journal")
            self.fences.check_driver(writer)
        elif writer.mover.command in _STEERING:  # it only writes the journal; who drives the release goes on from there
            self.tally.add(f"steered: {writer.mover.command}")
        else:  # an abort, which speaks first and takes the lease afterwards
            if writer.mover.command == "sweep":
                self.fences.check_sweep(writer)
            self.fences.note_abort(app)
        if old is None or old.id != new.id:
            if old is not None and not old.ended:
                raise Violation("I7", f"{new.id} replaced {old.id}, which had not ended")
            images = (self.world.deployments[app].image, self.world.deployments[f"{app}-canary"].image)
            self.images_before[new.id] = (new.before, new.canary_before) if writer.saw_stale else images
            old = None
        self.judge.check_move(writer, old, new)
        self._note_phase(writer, old.phase if old else None, new)

    def _note_phase(self, writer: Writer, was: Phase | None, release: Release) -> None:
        app, phase = release.app, release.phase
        if phase is was:
            return
        for delay, act in self.starts.pop((app, phase), ()):
            self.world.loop.after(delay, act)
        if phase is Phase.PROVE:
            self.proof_began[app] = self.world.time
        elif phase in (Phase.SHIFT, Phase.CARRY):
            self.share_began[app] = self.world.time
        elif phase is Phase.CONFIRM:
            self.confirm_began[app] = self.world.time
        elif phase is Phase.DRAIN:
            self.drain_began[app] = writer.listed  # who came since then came after the last look for the rule
        elif phase is Phase.PROMOTE:
            self._check_routed(release, self.confirm_began[app])
            self._check_suites(release)
            if is_steered(release):
                self._check_carried(release)
        elif phase is Phase.DONE:
            self.fences.check_pending_writes(writer, app, release.target.canary, "routes")
            self.check_outcome(release, writer)

    def _check_suites(self, release: Release) -> None:
        """I6: nothing is promoted that did not pass."""
        for name, _ in release.trial.files:
            if (release.stamp, name) not in self.passed_suites and release.app not in self.untested:
                raise Violation("I6", f"{release.id} is being promoted, and its {name} never passed")

    def check_outcome(self, release: Release, writer: Writer | None = None) -> None:
        """I5: what ended is promoted without a rule and with the canary at 0, or it is as it was."""
        app, target = release.app, release.target
        stable, canary = self.world.deployments[target.stable], self.world.deployments[target.canary]
        before, canary_before = self.images_before[release.id]
        promoted = release.outcome is Outcome.PROMOTED
        said = f"{release.id} of {app} ended {release.outcome}"
        if stable.image != (release.image if promoted else before) and self.foreign.image.get(app) != stable.image:
            raise Violation("I5", f"{said}, and {target.stable} runs {stable.image}")
        if not self.foreign.canary[app]:
            if canary.replicas or (canary.pods and not (writer and writer.saw_stale)):
                raise Violation("I5", f"{said}, and {target.canary} has {canary.replicas} replicas")
            if canary.image != (release.image if promoted else canary_before):
                raise Violation("I5", f"{said}, and {target.canary} has image {canary.image}")
        files = self.world.published[-1][1]
        if app in view_of(files).rules and not self.foreign.has_rule[app]:
            raise Violation("I5", f"{said}, and its rule is still in the files")
        if without(files, app) != files and app not in self.foreign.lines:
            raise Violation("I5", f"{said}, and lines of it are still in the files")
        gates = self._replicas_known_to(writer) if writer else [gate for gate in self.world.gates.values() if gate.up]
        for gate in gates:
            if self._has_own_rule(gate, app) and not self.foreign.has_rule[app]:
                raise Violation("I5", f"{said}, and {gate.name} still has its rule")
