"""When a Deployment has done what it was asked, when it never will, and when to go on waiting; decided from facts.

Complete is what Kubernetes itself calls complete. The deadline is on the time without progress: fifty Pods that start
one after the other take long and fail nobody, and a Pod that does not start fails after the same time in each of them.
"""

from dataclasses import dataclass, replace

from gatewayctl.domain.platform import Trouble, TroubleKind, Workload

RETRIED_FOR = 45.0  # seconds; the platform tries a pull or a start again after about 10 and 30 s
_LONGEST_GAP = 5.0  # seconds between two looks; in a longer gap nobody looked, which proves no standing still


@dataclass(frozen=True, slots=True)
class Progressing:
    """Not complete yet; `detail` is what was seen."""

    detail: str


@dataclass(frozen=True, slots=True)
class Complete:
    """All was done that was asked; `text` says what, and what is left that nobody waits for; `build` is its digest."""

    text: str
    build: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not become complete; `reason` says why.

    `by_others`: somebody else changed what was asked of it. `by_platform`: it waited for something that the platform
    did not give (room on a node, a quota, a webhook that answers), so the image is not to blame.
    """

    reason: str
    by_others: bool = False
    by_platform: bool = False


def other_build(now: Workload, build: str) -> str:
    """Why `now` does not run the digest `build`; empty when it does, and when either is not known."""
    if not build or not now.digest or now.digest == build:
        return ""
    return (
        f"{now.name} runs another build of {now.image} than the one that was tested: {now.digest[:19]}, not "
        f"{build[:19]}; someone pushed the tag again"
    )


State = Progressing | Complete | Failed


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout of `image` over several looks.

    It fails after `within` seconds without progress. `may_be_empty`: a Deployment that somebody scaled to 0 is
    complete, too. `replicas`: only this number will do; a look that shows another one is late, or somebody scaled it.
    `build`: only this digest of the image will do, where digests are known. The other fields are what the looks so far
    have shown: `furthest` the best counts, `idle` the seconds without progress, `trouble` what was seen last in them,
    `troubled` how many of them had passed when any was first seen, `looked` when the last look was (monotonic seconds).
    """

    image: str
    within: float
    may_be_empty: bool = False
    replicas: int | None = None
    build: str = ""
    furthest: tuple[int, ...] = ()
    idle: float = 0.0
    trouble: Trouble | None = None
    troubled: float = 0.0
    looked: float | None = None

    def after(self, now: Workload, at: float) -> tuple["Rollout", State]:
        """The rollout and its state after a look at time `at`."""
        seen = self._with_look(now, at)
        return seen, seen._state(now)

    def _with_look(self, now: Workload, at: float) -> "Rollout":
        counts = (now.updated, now.ready, now.available, -now.others)
        furthest = tuple(map(max, counts, self.furthest)) if self.furthest else counts
        if not now.observed:  # the counts are about an earlier spec, and all of it was done
            furthest = self.furthest
        passed = 0.0 if self.looked is None else min(at - self.looked, _LONGEST_GAP)
        # With strategy Recreate no new Pod is made before the last old one has ended, which takes as long as it may.
        is_idle = furthest == self.furthest and not (now.ending and not now.updated)
        idle = self.idle + passed if is_idle else 0.0
        before = self.trouble if is_idle else None
        troubled = self.troubled if before else idle
        trouble = now.trouble or before
        return replace(self, furthest=furthest, idle=idle, trouble=trouble, troubled=troubled, looked=at)

    def _state(self, now: Workload) -> State:
        if not now.runs(self.image):
            return Failed(f"{now.name} was changed to {now.image} by someone else", by_others=True)
        if now.trouble and self._is_certain(now.trouble):
            return Failed(f"{now.name} cannot become ready: {now.trouble}")
        is_stalled = self.idle >= self.within + now.min_ready
        if self._is_complete(now) and (is_stalled or not now.ending):
            other = other_build(now, self.build)
            return Failed(other, by_others=True) if other else Complete(_result(now), now.digest)
        if not is_stalled:
            return Progressing(_detail(now))
        if not now.replicas:
            reason = f"{now.name} was scaled to 0 by someone else, so nothing shows that {self.image} runs"
            return Failed(reason, by_others=True)
        if not self._has_size(now):
            reason = f"{now.name} was scaled to {now.replicas} by someone else; this step asks for {self.replicas}"
            return Failed(reason, by_others=True)
        waited = f"{now.name} made no progress for {self.idle:.0f} s: {_detail(now)}"
        # A trouble of before that has passed is named, too, but it is no excuse for what stands still now.
        by_platform = now.trouble is not None and now.trouble.kind is TroubleKind.PASSING
        return Failed(f"{waited}; {self.trouble}" if self.trouble else waited, by_platform=by_platform)

    def _is_certain(self, trouble: Trouble) -> bool:
        """Whether it will not become ready, for this trouble."""
        lasted = self.idle - self.troubled
        return trouble.kind is TroubleKind.FINAL or (trouble.kind is TroubleKind.RETRIED and lasted >= RETRIED_FOR)

    def _is_complete(self, now: Workload) -> bool:
        """A Deployment without Pods proves nothing of the image that it was given."""
        return now.complete and self._has_size(now) and (now.replicas >= 1 or self.may_be_empty)

    def _has_size(self, now: Workload) -> bool:
        return self.replicas in (None, now.replicas)


def ghost_note(now: Workload) -> str:
    """What to say of Pods that nobody waits for; empty when there are none."""
    if not now.ghosts:
        return ""
    pods = f"Pod {now.ghosts[0]} is" if len(now.ghosts) == 1 else f"Pods {', '.join(now.ghosts)} are"
    return f"{pods} still terminating, as the node does not answer; nothing sends to it and nobody waits for it"


def _result(now: Workload) -> str:
    digest = f", {now.digest[:19]}" if now.digest else ""
    stored = f", stored as {now.image}" if now.requested else ""
    scaled = "; someone else scaled it to 0" if not now.replicas else ""
    ending = f"; of the old Pods {now.ending} still ending" if now.ending else ""
    ghosts = f"; {ghost_note(now)}" if now.ghosts else ""
    return f"{now.name} {now.ready}/{now.replicas} ready{digest}{stored}{scaled}{ending}{ghosts}"


def _detail(now: Workload) -> str:
    waits = ((now.others, "of earlier specs"), (now.ending, "ending"), (len(now.ghosts), "on a node that is lost"))
    parts = [f"{now.name} {now.ready}/{now.replicas} ready"]
    if now.available < now.ready:
        parts.append(f"{now.available} of them for {now.min_ready:g} s")
    parts += [f"{count} {what}" for count, what in waits if count]
    return ", ".join(parts)
