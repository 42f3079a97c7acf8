"""The API server's side of a WebSocket, for tests that speak its protocols themselves."""

import base64
import hashlib
import re

_PROOF = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455


def accept_websocket(head: str) -> bytes:
    """The answer that turns the request with these header lines into a WebSocket of the channel protocol."""
    key = re.search(r"(?i)sec-websocket-key: (\S+)", head)
    assert key
    proof = hashlib.sha1(key[1].encode() + _PROOF, usedforsecurity=False)
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(proof.digest()) + b"\r\n\r\n"
    )
