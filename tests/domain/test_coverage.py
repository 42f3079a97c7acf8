"""Which requests prove which routes of an application."""

import pytest

from gatewayctl.domain.coverage import MOST_REQUESTS, cover, uncovered
from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.platform import Probe
from gatewayctl.domain.release import Target
from gatewayctl.domain.routing import Example, RouteView


def a_target(path: str = "/a/health", paths: tuple[str, ...] = ()) -> Target:
    return Target("a", "a", "a-canary", "a", "a-canary", Identify(), "shop.example.com", path, paths=paths)


def route(match: str, *examples: Example, line: int = 1) -> RouteView:
    return RouteView("f", line, "shop", match, "a", examples=examples)


def prefix(path: str, *hosts: str) -> Example:
    return Example(hosts, path, taken=f"^{path}")


EXPRESSION = Example(why_not="a regular expression", taken="^/x/")


def test_the_only_route_is_proven_by_the_applications_own_probe():
    found = cover(a_target(), [route("~ ^/a", EXPRESSION)])

    assert (found.routes, found.requests, found.gaps) == (("~ ^/a",), (), ())


def test_a_route_that_the_own_probe_takes_alone_needs_no_request_and_each_other_one_gets_its_own():
    found = cover(a_target(), [route("/a/", prefix("/a/")), route("/b/", prefix("/b/"))])

    assert [(one.route, one.probe.path) for one in found.requests] == [("/b/", "/b/")]


def test_a_probe_that_two_routes_take_proves_neither_of_them():
    found = cover(a_target(), [route("/", prefix("/")), route("/a", prefix("/a"))])

    assert [one.probe.path for one in found.requests] == ["/", "/a"]


def test_an_expression_needs_a_path_that_people_name():
    routes = [route("/a", prefix("/a")), route("~ ^/x/", EXPRESSION)]

    (gap,) = cover(a_target(), routes).gaps
    closed = cover(a_target(paths=("/x/1",)), routes)

    assert str(gap) == "~ ^/x/ (a regular expression: name a path of it in probe.paths)"
    assert ([one.probe.path for one in closed.requests], closed.gaps) == (["/x/1"], ())


@pytest.mark.parametrize(
    ("names", "host"),
    [
        ((), "shop.example.com"),
        (("*.example.com",), "shop.example.com"),
        (("shop.example.com:*",), "shop.example.com"),
        ((".example.com",), "shop.example.com"),
        (("shop.*",), "shop.example.com"),
        (("other.org", "more.org"), "other.org"),
        (("*.other.org",), "gatewayctl.other.org"),
        ((".other.org",), "other.org"),
        (("~^x", "other.org:8080"), "other.org:8080"),
    ],
)
def test_a_request_goes_to_the_applications_host_or_else_to_one_of_the_route(names, host):
    (request,) = cover(a_target(), [route("/a", prefix("/a")), route("/b", prefix("/b", *names))]).requests

    assert request.probe == Probe(host, "/b")


def test_a_route_whose_hosts_are_expressions_is_not_proven():
    (gap,) = cover(a_target(), [route("/a", prefix("/a")), route("/b", prefix("/b", "~^x"))]).gaps

    assert str(gap) == "/b (its host name is an expression)"


def test_a_replica_gets_a_bounded_number_of_requests_and_the_rest_is_named():
    routes = [route(f"/r{number}", prefix(f"/r{number}/")) for number in range(MOST_REQUESTS + 5)]

    found = cover(a_target(), routes)

    assert (len(found.requests), len(found.gaps)) == (MOST_REQUESTS, 5)
    assert found.describe()[0] == f"on {MOST_REQUESTS} of {MOST_REQUESTS + 5} routes"
    assert found.describe()[1].endswith(" and 2 more")
    assert found.describe(asked=True)[0] == f"on {MOST_REQUESTS + 5} routes"


def test_routes_of_the_same_words_are_told_apart():
    same = [route("/a", prefix("/a"), line=3), route("/a", prefix("/a"), line=9)]

    assert cover(a_target(), same).routes == ("shop /a in f:3", "shop /a in f:9")


def test_a_route_without_a_rule_beside_it_is_uncovered_also_when_another_one_reads_the_same():
    twins = [route("/a", line=3), route("/a", line=9)]

    assert uncovered(twins, twins[:1]) == (twins[1],)
    assert uncovered([route("location /a if ($x)")], [route("location /a")]) == ()
    assert len(uncovered([route("location /ab")], [route("location /a")])) == 1


def test_an_expression_that_could_take_hours_is_a_gap_and_not_tried():
    slow = Example(why_not="a regular expression", taken="^/(a+)+$")
    target = a_target(paths=("/" + "a" * 60 + "!",))

    (gap,) = cover(target, [route("/a", prefix("/a")), route("~ ^/(a+)+$", slow)]).gaps

    assert "a regular expression, which could take hours to try on a path" in str(gap)
