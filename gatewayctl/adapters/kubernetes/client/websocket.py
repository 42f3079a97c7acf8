"""WebSockets to Pods through the API server, for port-forward and exec.

Every message begins with a channel number. The library's own functions for them need typed API classes (90 MB), so only
its WebSocket client is used.
"""

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.domain.errors import EnvironmentFailed, Transient

if TYPE_CHECKING:
    from websocket import WebSocket

_LONGEST = 200  # characters of a reason
_FINAL = {401, 403}  # HTTP status of a refusal for lack of rights
_HINT_END = {"portforward": "; or run inside the cluster", "exec": ": manifests/rbac-exec.yaml"}


def open_websocket(api: Api, path: str, query: Iterable[tuple[str, str]], what: str) -> "WebSocket":
    """Open a WebSocket to a subresource of a Pod. Raises EnvironmentFailed: `what` cannot be done, and the reason.

    It is Transient unless the API server refused: a container that is not there yet may be a moment later.
    """
    from kubernetes.stream.ws_client import create_websocket, get_websocket_url
    from websocket import WebSocketException

    _, url, headers, _, _ = api.client.param_serialize(
        "GET", path, query_params=list(query), header_params={}, auth_settings=["BearerToken"]
    )
    headers["sec-websocket-protocol"] = "v4.channel.k8s.io"
    api.requests += 1
    try:
        found: WebSocket = create_websocket(api.client.configuration, get_websocket_url(url), headers)
    except (WebSocketException, OSError) as fault:
        kind = path.rpartition("/")[2]
        refused = getattr(fault, "status_code", 0) in _FINAL
        raise (EnvironmentFailed if refused else Transient)(
            f"cannot {what}: {str(fault)[:_LONGEST]}",
            hint=f"it needs the verbs get and create on pods/{kind}{_HINT_END.get(kind, '')}",
        ) from fault
    return found


def close_at_once(opened: "WebSocket") -> None:
    """Send the close frame without waiting for the answer; `close` alone would wait three seconds."""
    from websocket import WebSocketException

    with contextlib.suppress(OSError, WebSocketException):
        opened.close(timeout=0)
