"""What the sandbox has to know to run a gateway product: one value of this type per product (see products.py)."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Launch:
    """What the command line of one replica depends on.

    `bootstrap` is its start-up file, in the replica's own folder; `address` is its IP address, `admin` its admin port;
    the name server answers at `resolver`:`resolver_port`.
    """

    bootstrap: Path
    address: str
    admin: int
    resolver: str
    resolver_port: int


def keep_names(text: str, names: Mapping[str, str], beside: str) -> str:  # noqa: ARG001 (the field's signature)
    """The text unchanged: for products that resolve names with the sandbox's own name server."""
    return text


def find_no_fault(text: str, path: str) -> str:  # noqa: ARG001 (the field's signature)
    """Never a fault: for products that read their files when they get a signal or a request."""
    return ""


def find_none(text: str, beside: Path) -> dict[str, str]:  # noqa: ARG001 (the field's signature)
    """No file: for products whose start-up file names other files by whole paths only."""
    return {}


@dataclass(frozen=True, slots=True)
class SandboxProduct:
    """How the sandbox runs one gateway product.

    `file` is the name of the start-up file. `ready_path` on the admin port answers 200 once the product is ready; empty
    where the product has no such path, then it is ready when it accepts connections. `program` finds the program to
    run, and raises EnvironmentFailed when it is not installed. `command` builds the command line of one replica.
    `replace_names(text, names, beside)` replaces names of Services by their addresses, for a product that cannot ask
    the sandbox's name server; `beside` is the text of all its files together. `find_reload_fault(text, path)` says why
    the configuration `text` would never read the mounted file `path` again; empty when it does. The kernel sends
    `stop_signal` to the process when the supervisor dies. `find_includes(text, folder)` gives the files that the
    start-up file `text`, which comes from `folder`, needs beside it: text by relative path.
    """

    file: str
    ready_path: str
    program: Callable[[], Path]
    command: Callable[[Launch], tuple[str, ...]]
    replace_names: Callable[[str, Mapping[str, str], str], str] = keep_names
    stop_signal: signal.Signals = field(default=signal.SIGKILL)
    find_reload_fault: Callable[[str, str], str] = find_no_fault
    find_includes: Callable[[str, Path], dict[str, str]] = find_none
