"""Every request of a release speaks TLS as its own application does."""

from dataclasses import replace

import pytest

from gatewayctl.domain.coverage import cover
from gatewayctl.domain.leaks import leak_probes, neighbour_leaks, route_leaks
from gatewayctl.domain.platform import Probe, Tls
from gatewayctl.domain.routing import Example, RouteView
from tests.fakes.shop import AskingSuites, a_release, target
from tests.fakes.world import World

OURS, THEIRS = Tls("ours.pem"), Tls("theirs.pem", "own.pem", "own.key")


def secured_release():
    world = World()
    release = a_release(world, AskingSuites(world, []))
    return replace(
        release,
        target=replace(release.target, tls=OURS),
        neighbours=(replace(target("payments"), tls=THEIRS), target("stock")),
    )


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("shop.example.com", "shop.example.com"),
        ("shop.example.com:8443", "shop.example.com"),
        ("10.0.0.1:8443", "10.0.0.1"),
        ("[2001:db8::1]:8443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_name_for_tls_is_the_host_without_its_port(host: str, name: str):
    assert Probe(host, "/").server_name == name


def test_the_requests_of_a_release_speak_tls():
    release = secured_release()
    routes = [
        RouteView("f", 1, "shop", "/a", "orders", examples=(Example(("shop",), "/a"),)),
        RouteView("f", 2, "shop", "/b", "orders", examples=(Example(("other",), "/b"),)),
    ]
    coverage = cover(release.target, routes)

    assert release.marked_probe.tls == OURS
    assert {one.probe.tls for one in leak_probes(release)} == {OURS}
    assert [(one.probe.host, one.probe.tls) for one in coverage.requests] == [("shop", OURS), ("other", OURS)]
    assert {one.probe.tls for one in route_leaks(release, coverage)} == {OURS}


def test_a_neighbour_is_probed_as_its_own_application_says():
    payments, stock = neighbour_leaks(secured_release())

    assert (payments.probe.tls, stock.probe.tls) == (THEIRS, None)
    assert payments.plain is not None
    assert payments.plain.tls == THEIRS
