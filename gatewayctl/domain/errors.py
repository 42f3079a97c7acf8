"""The tree of errors: each class carries the exit code of the command that meets it, and what to try next.

A failed smoke is a verdict, not an error: exceptions mean that we could not do our work.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a shell or a CI job may rely on."""

    DONE = 0
    BUG = 1
    USAGE = 2
    REJECTED = 3
    ENVIRONMENT = 4
    CONFLICT = 5
    PERSON = 6
    INCONCLUSIVE = 7


class GatewayctlError(Exception):
    """Base of every error we raise on purpose.

    `hint` is the next command or edit to try; it may be set per instance.
    """

    exit_code: ExitCode = ExitCode.BUG
    hint: str = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.hint = hint


class UsageFault(GatewayctlError):
    """A command or a file asks for something that is not possible."""

    exit_code = ExitCode.USAGE


class Refused(UsageFault):
    """A file that cannot be edited safely; nothing was written.

    The message reads `file:line: reason`; `line` counts from 1, and is 0 where no line applies.
    """

    def __init__(self, file: str, line: int, reason: str, *, hint: str = "") -> None:
        self.file, self.line, self.reason = file, line, reason
        place = f"{file}:{line}" if line else file
        super().__init__(f"{place}: {reason}", hint=hint)


class EnvironmentFailed(GatewayctlError):
    """Something that gatewayctl depends on is unreachable, forbidden, broken or too slow."""

    exit_code = ExitCode.ENVIRONMENT


class PlatformStopped(EnvironmentFailed):
    """The platform itself is not running; `command` starts it."""

    def __init__(self, message: str, command: str) -> None:
        super().__init__(message, hint=f"start it first: {command}")
        self.command = command


class Transient(EnvironmentFailed):
    """It failed now and may work a moment later: no connection, a server that is overloaded or restarts.

    Whoever has time tries again with growing pauses; a release is not given up for it. `lasted` is for how many seconds
    it has been so already, where somebody has waited.
    """

    def __init__(self, message: str, *, hint: str = "", lasted: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.lasted = lasted


class Disturbed(Transient):
    """A run of a suite or a load proves nothing, as something that it needed was lost meanwhile.

    It is repeated so many times, and not for so long: a run may take longer than anybody waits.
    """


class DeadlineExceeded(EnvironmentFailed):
    """A condition did not become true in time. `waited` is in seconds; `detail` is what was seen last."""

    def __init__(self, waited: float, what: str, detail: str = "", *, hint: str = "") -> None:
        self.waited, self.what, self.detail = waited, what, detail
        tail = f"; last seen: {detail}" if detail else ""
        super().__init__(f"waited {waited:g} s for {what}{tail}", hint=hint)


class Missing(EnvironmentFailed):
    """An object that a release needs was deleted. Waiting does not bring it back, so every wait ends."""


class Conflict(GatewayctlError):
    """Another process or person holds or has changed what this command needs."""

    exit_code = ExitCode.CONFLICT


class Busy(Conflict):
    """Another live process works on this application: raised only after that holder was read. It says who."""


class StaleWrite(Conflict):
    """A conditional write failed: the object changed after it was read. Read it again and apply the change again."""


class Superseded(Conflict):
    """The release was taken over by another process (an abort, a resume) while this one worked on it."""


class Drifted(Conflict):
    """Something changed after the plan or the draft of a release was made."""


class NeedsPerson(GatewayctlError):
    """The way back did not complete; the message says what is left, the hint which command to run."""

    exit_code = ExitCode.PERSON
