"""The name server: a Service's name has its address, also with a domain."""

import dns.message
import dns.rcode
import pytest

from gatewayctl.adapters.sandbox.nameserver import answer

ADDRESSES = {"orders": "127.9.9.31", "orders-canary": "127.9.9.32"}


def query(name: str, kind: str = "A") -> tuple[dns.rcode.Rcode, list[str]]:
    reply = answer(dns.message.make_query(name, kind).to_wire(), ADDRESSES)
    assert reply is not None
    message = dns.message.from_wire(reply)
    return message.rcode(), [str(item) for rrset in message.answer for item in rrset]


@pytest.mark.parametrize("name", ["orders", "orders.", "Orders.shop", "orders.shop.svc.cluster.local."])
def test_a_service_has_its_address_under_every_name(name: str) -> None:
    assert query(name) == (dns.rcode.NOERROR, ["127.9.9.31"])


@pytest.mark.parametrize("name", ["order", "orders-canary-x", "shop.orders", "."])
def test_another_name_does_not_exist(name: str) -> None:
    assert query(name) == (dns.rcode.NXDOMAIN, [])


def test_a_service_has_no_ipv6_address_but_exists() -> None:
    assert query("orders", "AAAA") == (dns.rcode.NOERROR, [])


@pytest.mark.parametrize("datagram", [b"", b"\0" * 5, b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 600])
def test_a_datagram_that_is_not_a_question_gets_no_answer(datagram: bytes) -> None:
    assert answer(datagram, ADDRESSES) is None


def test_an_answer_is_not_answered() -> None:
    reply = answer(dns.message.make_query("orders", "A").to_wire(), ADDRESSES)
    assert reply is not None

    assert answer(reply, ADDRESSES) is None
