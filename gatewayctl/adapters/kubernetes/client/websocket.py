"""WebSockets to Pods through the API server: what port-forward and exec have in common.

Every message begins with a channel number. The library's own use of them needs typed API classes (90 MB), so here is
only its client.
"""

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.domain.errors import EnvironmentFailed

if TYPE_CHECKING:
    from websocket import WebSocket

_LONGEST = 200  # characters of a reason
_ELSE = {"portforward": "; or run inside the cluster", "exec": ": manifests/rbac-exec.yaml"}


def open_tunnel(api: Api, path: str, query: Iterable[tuple[str, str]], what: str) -> "WebSocket":
    """Open one to a subresource of a Pod. Raises EnvironmentFailed, which says `what` cannot be done, and why."""
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
        raise EnvironmentFailed(
            f"cannot {what}: {str(fault)[:_LONGEST]}",
            hint=f"it needs the verbs get and create on pods/{kind}{_ELSE.get(kind, '')}",
        ) from fault
    return found


def end(opened: "WebSocket") -> None:
    """Say goodbye without waiting for the answer, as `close` would for three seconds."""
    from websocket import WebSocketException

    with contextlib.suppress(OSError, WebSocketException):
        opened.close(timeout=0)
