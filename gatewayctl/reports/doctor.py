"""The preconditions of releases, each with what to do about it."""

from dataclasses import dataclass

from gatewayctl.domain.platform import Check


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """What `doctor` found: pairs of an application and one of its checks."""

    checks: tuple[tuple[str, Check], ...]

    @property
    def is_passed(self) -> bool:
        """Whether no check has a fault; warnings do not count."""
        return all(check.fault is None for _, check in self.checks)

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.doctor/1`."""
        rows = [
            {
                "app": app,
                "check": check.name,
                "ok": check.fault is None,
                "found": check.detail,
                "hint": _hint(check),
                "notes": list(check.notes),
            }
            for app, check in self.checks
        ]
        return {"schema": "gatewayctl.doctor/1", "checks": rows}

    def text(self) -> str:
        """One line per check, and one more for a hint and for each note."""
        lines = []
        for app, check in self.checks:
            lines.append(f"{_mark(check)} {app}: {check.name}: {check.detail}")
            if hint := _hint(check):
                lines.append(f"    → {hint}")
            lines += [f"    note: {note}" for note in check.notes]
        return "\n".join(lines)


def _hint(check: Check) -> str:
    return check.fault.hint if check.fault else check.hint


def _mark(check: Check) -> str:
    """A hint without a fault is a warning."""
    return "✗" if check.fault else "?" if check.hint else "✓"
