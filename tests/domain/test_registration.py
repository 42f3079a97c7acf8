"""What a registry has under a name, in words, and which URIs are looked up in one."""

import pytest

from gatewayctl.domain.registration import of_instances, registered_name, shared_instances


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("lb://orders-canary", "orders-canary"),
        ("lb:ws://orders-canary", "orders-canary"),
        ("grayLb://orders-v2/x", "orders-v2"),
        ("http://orders-canary:8080", ""),
        ("wss://orders-canary", ""),
        ("orders", ""),
        ("", ""),
    ],
)
def test_the_host_of_a_uri_without_an_address_is_a_name(uri: str, name: str) -> None:
    assert registered_name(uri) == name


@pytest.mark.parametrize(
    ("used", "unused", "detail"),
    [
        ((), (), "no instance"),
        (("a:1",), (), "1 instance: a:1"),
        (("a:1", "b:1"), (), "2 instances: a:1, b:1"),
        ((), ("a:1 is DOWN",), "no instance gets requests; not used: a:1 is DOWN"),
        (tuple("abcdefg"), (), "7 instances: a, b, c, d, e and 2 more"),
        (("a\x1b[2J:1",), (), "1 instance: a [2J:1"),
    ],
)
def test_instances_are_told_in_a_short_text(used: tuple[str, ...], unused: tuple[str, ...], detail: str) -> None:
    found = of_instances(used, unused)

    assert (found.found, found.detail) == (bool(used), detail)


def test_an_address_under_both_names_is_shared() -> None:
    assert shared_instances(of_instances(("a:1", "b:1")), of_instances(("b:1", "c:1"))) == ("b:1",)
