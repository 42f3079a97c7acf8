"""Runs one command in a container of a Pod, to its end.

The API server's exec is a WebSocket: stdout and stderr of the command come on two channels, its exit status on a third.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.adapters.kubernetes.client.json import items, part
from gatewayctl.adapters.kubernetes.client.websocket import close_at_once, open_websocket
from gatewayctl.domain.errors import Transient
from gatewayctl.domain.nesting import parse_json

if TYPE_CHECKING:
    from websocket import WebSocket

_OUT, _ERR, _STATUS = 1, 2, 3
_LARGEST = 1024 * 1024  # bytes of all channels
_LONGEST = 300  # characters of a reason


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The exit code of a command, and its stdout and stderr."""

    code: int
    out: str
    err: str


def execute(api: Api, container: tuple[str, str], command: Sequence[str], within: float = 20.0) -> CommandResult:
    """Run `command` in a container (the Pod's path, its name) for at most `within` seconds, without a terminal.

    Raises Transient when it cannot be run, or does not end.
    """
    pod_path, name = container
    query = [("container", name), ("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
    what = f"run a command in container {name} of {pod_path}"
    opened = open_websocket(api, f"{pod_path}/exec", query, what)
    try:
        received = _receive(opened, within, what)
    finally:
        close_at_once(opened)
    return CommandResult(_exit_code(received[_STATUS], what), _text(received[_OUT]), _text(received[_ERR]))


def _receive(opened: "WebSocket", within: float, what: str) -> dict[int, bytes]:
    """All bytes of each channel, until the command has ended. Raises Transient."""
    from websocket import ABNF, WebSocketException

    received: dict[int, bytes] = defaultdict(bytes)
    deadline, size = time.monotonic() + within, 0
    try:
        while _STATUS not in received:
            opened.settimeout(max(0.1, deadline - time.monotonic()))
            operation, frame = opened.recv_data_frame(control_frame=True)
            if operation == ABNF.OPCODE_CLOSE:
                break
            if operation in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and len(frame.data) > 1:
                received[frame.data[0]] += frame.data[1:]
            size += len(frame.data)
            if size > _LARGEST or time.monotonic() > deadline:
                raise Transient(f"cannot {what}: it says more than {_LARGEST} bytes, or for over {within:g} s")
    except (WebSocketException, OSError) as fault:
        raise Transient(f"cannot {what}: {str(fault)[:_LONGEST] or type(fault).__name__}") from fault
    return received


def _exit_code(data: bytes, what: str) -> int:
    """The exit code in a Status object. Raises Transient when the command did not run to its end."""
    try:
        status = parse_json(data)
    except ValueError:
        status = None
    if not isinstance(status, dict):
        raise Transient(f"cannot {what}: its exit status did not come")
    if status.get("status") == "Success":
        return 0
    for cause in items(part(status, "details"), "causes"):
        if cause.get("reason") == "ExitCode" and str(cause.get("message")).isdecimal():
            return int(cause["message"])
    raise Transient(f"cannot {what}: {str(status.get('message'))[:_LONGEST]}")


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
