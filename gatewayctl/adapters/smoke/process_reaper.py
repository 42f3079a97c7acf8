"""A program that runs another one, and takes its whole process group down when its own parent is gone.

Run by path, before anything else of ours is imported. Standard input is the leash: the parent holds the other end and
never writes; end of file means that it died, by whatever signal. A pipe sees that on every system, and the group holds
also what the user's tests started (a server, a browser), which a death signal set in the child would leave behind.
"""

import os
import signal
import sys
import threading


def main() -> int:
    """Run `sys.argv[1:]`; its exit code, or 128 plus the signal that ended it, as a shell says it."""
    for ending in (signal.SIGTERM, signal.SIGINT):
        # The group is asked to end as one; whoever reports its exit code must be the last.
        signal.signal(ending, lambda *_: None)
    threading.Thread(target=_follow, daemon=True).start()
    nothing_to_read = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=nothing_to_read)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def _follow() -> None:
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
