"""The sandbox's name server: it knows the names of Services, short or qualified, and no others.

Gateways resolve names with their own resolvers and timeouts, so they need a real name server here too.
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

_log = logging.getLogger(__name__)
_TTL = 5  # seconds, as in cluster DNS


def answer(question: bytes, addresses: Mapping[str, str]) -> bytes | None:
    """The reply to one datagram; None when the datagram is not a DNS question."""
    try:
        query = dns.message.from_wire(question)
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return None
        reply = dns.message.make_response(query)
    except (dns.exception.DNSException, ValueError) as fault:
        _log.warning("a datagram that is not a DNS question: %s", fault)
        return None
    asked_for = query.question[0]
    reply.flags |= dns.flags.AA | dns.flags.RA
    address = addresses.get(asked_for.name.labels[0].decode("ascii", "replace").lower())
    if address is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif asked_for.rdtype == dns.rdatatype.A:
        reply.answer.append(dns.rrset.from_text(asked_for.name, _TTL, "IN", "A", address))
    return reply.to_wire()


class _Server(asyncio.DatagramProtocol):
    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = answer(data, self._addresses)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


async def serve(bound: socket.socket, addresses: Mapping[str, str]) -> asyncio.DatagramTransport:
    """Answer questions on the socket `bound` until the transport is closed."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(addresses), sock=bound)
    return transport
