"""A program that runs another one, and kills its whole process group when its own parent has ended.

It is run by path, so that it starts fast and imports nothing of gatewayctl. Standard input is a pipe from the parent,
which never writes: end of file means that the parent has ended, also by SIGKILL. A pipe works on every system. The
group includes processes that the user's tests started (a server, a browser), which a parent-death signal in the child
would not reach.
"""

import os
import signal
import sys
import threading


def main() -> int:
    """Run `sys.argv[1:]`; return its exit code, or 128 plus the number of the signal that killed it, like a shell."""
    for ending in (signal.SIGTERM, signal.SIGINT):
        # The whole group gets the signal; this process must end last, because it reports the exit code.
        signal.signal(ending, lambda *_: None)
    threading.Thread(target=_end_group_with_parent, daemon=True).start()
    empty_input = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=empty_input)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def _end_group_with_parent() -> None:
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
