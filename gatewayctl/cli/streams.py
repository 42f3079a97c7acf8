"""stdout and stderr of a command, whose reader may go away: a release does not end because nobody reads its lines."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class LastingStream:
    """A text stream that drops what cannot be written any more; everything else is the stream's own."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or drop it: the reader is gone (`| head`), the terminal is closed, or the disk is full."""
        with self._dropping():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what is there to flush."""
        with self._dropping():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _dropping(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError):  # ValueError: it was closed
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())  # what is still buffered goes there at the end
                os.close(nowhere)


def keep_streams_writable() -> None:
    """Make stdout and stderr last as long as the process, also if they were closed before it began."""
    while (nowhere := os.open(os.devnull, os.O_RDWR)) <= 2:  # else the next file or connection would be our stderr
        pass
    os.close(nowhere)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = Path(os.devnull).open("w")  # noqa: SIM115 (it lives as long as the process)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a mark that the terminal cannot show ends no release
        setattr(sys, name, LastingStream(stream))
