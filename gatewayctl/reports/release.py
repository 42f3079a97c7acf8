"""A release as text and as JSON, from its record alone."""

from dataclasses import dataclass
from datetime import UTC, datetime

from gatewayctl.domain.release import Note, Outcome, Phase, Release


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """What one release did, step by step; `folder` is where its evidence is."""

    release: Release
    folder: str

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.release/1` with `evidence`."""
        return {**release_data(self.release), "evidence": self.folder}

    def text(self) -> str:
        """Its facts, then one line per step."""
        release = self.release
        lines = [
            f"{release.id}  {explain(release)}",
            f"  image    {release.before} → {release.image}",
            f"  header   {release.header} ({'standing' if release.standing else 'per release'})",
            f"  started  {moment(release.created)} by {release.actor}",
            "",
        ]
        if release.notes_left_out:
            lines.append(f"  {release.notes_left_out} notes that were repeated later are left out")
        lines += [
            f"  {note.mark} {note.phase.value:<8} {note.text}  [{moment(note.at)}, {note.seconds:.1f} s, {note.actor}]"
            for note in release.notes
        ]
        return "\n".join([*lines, "", f"  evidence {self.folder}", ""])


_ENDED = {
    Outcome.PROMOTED: "was promoted",
    Outcome.REJECTED: "was rejected",
    Outcome.INCONCLUSIVE: "could not be judged",
    Outcome.CONFLICT: "was given up, somebody else was at work",
    Outcome.ABORTED: "was aborted",
    Outcome.FAILED: "was given up, gatewayctl could not do its work",
}


def release_data(release: Release) -> dict[str, object]:
    """The documented, stable shape of a release (docs/json.md). Times are RFC 3339 in UTC, durations seconds."""
    return {
        "schema": "gatewayctl.release/1",
        "id": release.id,
        "app": release.app,
        "image": {"to": release.image, "from": release.before},
        "header": {"name": release.header.name, "value": release.header.value},
        "route": "standing" if release.standing else "per-release",
        "mode": release.mode.value,
        "phase": release.phase.value,
        "outcome": release.outcome.value,
        "reason": release.reason,
        "stuck": release.stuck,
        "tested": release.tested,
        "share": release.share,
        "ramp": _ramp(release),
        "actor": release.actor,
        "created": moment(release.created),
        "expires": moment(release.expires),
        "notes": [_note(note) for note in release.notes],
        "notes_left_out": release.notes_left_out,
    }


def _ramp(release: Release) -> dict[str, object] | None:
    """Where a release is in its ramp; None where it has none."""
    steps = release.trial.ramp.steps
    if not steps:
        return None
    return {
        "step": release.step + 1,
        "steps": [{"share": one.share, "seconds": one.seconds, "replicas": one.replicas} for one in steps],
        "passed": release.ramped,
    }


def _step(release: Release) -> str:
    return f"step {release.step + 1} of {len(release.trial.ramp.steps)}"


def _note(note: Note) -> dict[str, object]:
    return {
        "phase": note.phase.value,
        "mark": note.mark,
        "text": note.text,
        "at": moment(note.at),
        "seconds": round(note.seconds, 3),
        "actor": note.actor,
    }


def moment(epoch: float) -> str:
    """RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def explain(release: Release, *, expired: bool = False) -> str:
    """The state of a release and the reason for it, in one sentence; `expired`: it is too old to promote."""
    name = f"{release.app} {release.image}"
    if expired and not release.stuck:
        return f"{name} has expired in phase {release.phase} ({moment(release.expires)}): it can only be aborted"
    if release.stuck:
        return f"{name} needs a person: in phase {release.phase} {release.stuck}"
    match release.outcome, release.phase:
        case Outcome.PROMOTED, Phase.DONE:
            return f"{name} was promoted"
        case Outcome.OPEN, Phase.WAIT:
            return f"{name} waits for someone to promote or abort it"
        case Outcome.OPEN, Phase.PAUSED:
            return f"{name} is paused with {release.share} % of real traffic, {_step(release)}"
        case Outcome.OPEN, Phase.SHIFT | Phase.SHARE | Phase.OBSERVE as phase:
            return f"{name} is in phase {phase} of {_step(release)}: {release.share} % of real traffic"
        case Outcome.OPEN, phase:
            return f"{name} is in phase {phase}"
        case outcome, phase:
            done = "everything is as before" if phase is Phase.DONE else f"going back, in phase {phase}"
            return f"{name} {_ENDED[outcome]}: {release.reason}; {done}"
