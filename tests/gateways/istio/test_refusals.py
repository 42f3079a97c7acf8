"""What is refused, with the line and the reason; and what people should know of an edit."""

import pytest

from gatewayctl.domain.routing import SourceFile
from tests.gateways.istio.samples import DIALECT, a_rule, insert_and_undo, notes, one, to, vs
from tests.gateways.samples import catch_refusal

MARKED = "  - match: [{{uri: {{prefix: {}}}, headers: {{{}: {}}}}}]\n    route: [{{destination: {{host: {}}}}}]\n"
SPLIT = "  - route:\n    - {destination: {host: orders}, weight: 50}\n    - {destination: {host: web}, weight: 50}\n"


def refusal(text, **changes):
    return str(catch_refusal(DIALECT, one(text), a_rule(**changes)))


@pytest.mark.parametrize(
    ("text", "changes", "line", "reason"),
    [
        (vs(to("web")), {}, 0, "no HTTP route sends to orders; hosts with routes: web"),
        (vs(to("web") + to("orders", "/o")), {}, 13, "the one on line 10 takes all of them"),
        (
            vs("  - route:\n    - {destination: {host: orders}, weight: 0}\n    - {destination: {host: web}}\n"),
            {},
            10,
            "orders has weight 0 here",
        ),
        (
            vs("  - {match: [{uri: {prefix: /a}}], delegate: {name: inner, namespace: x}}\n" + to("orders")),
            {},
            10,
            "leaves its requests to VirtualService x/inner, which may send to orders",
        ),
        (vs("  - delegate: {name: inner}\n"), {}, 10, "leaves its requests to VirtualService shop/inner"),
        (vs(to("orders"), hosts="", gateways=""), {}, 8, "has no hosts: another one delegates to it"),
        (
            vs(to("orders"), spec="  tls:\n  - match: [{port: 443}]\n    route:\n    - destination: {host: orders}\n"),
            {},
            12,
            "a tls route sends to orders",
        ),
        (
            vs(to("orders"), spec="  tcp:\n  - route:\n    - destination: {host: orders, port: {number: 9}}\n"),
            {},
            11,
            "a tcp route sends to orders",
        ),
        (vs(MARKED.format("/", "X-Canary", "{exact: qa}", "orders")), {}, 10, "already tests the header x-canary"),
        (
            vs(MARKED.format("/a", "x-canary", "{exact: always}", "web") + to("orders", "/a/b")),
            {},
            10,
            "takes requests with x-canary: always from the route of orders on line 12",
        ),
        (vs(MARKED.format("/a", "x-canary", "{}", "web") + to("orders")), {}, 10, "takes requests with"),
        (
            vs(to("orders", "/o", more="    headers: {response: {remove: [X-Gatewayctl-Release]}}\n")),
            {},
            10,
            "changes the header that marks the canary's answers",
        ),
        (vs(SPLIT), {"share": 1}, 10, "divides its requests between orders and web"),
        (
            vs(to("orders", "/a") + to("orders.back.svc.cluster.local", "/b")),
            {},
            14,
            "stands for Services of two namespaces",
        ),
        (
            vs(to("api.example.com")),
            {"service": "api.example.com", "canary": "api.example.com-canary"},
            10,
            "no host of the canary follows from api.example.com: api.example.com is a public host name",
        ),
        (vs(to("orders")), {"canary": "orders-canary.back"}, 10, "is in another namespace"),
        (vs(to("orders", more="    timeout: '{{ t }}'\n")), {}, 11, "left to a template"),
        (vs("  - route: [{destination: {}}]\n"), {}, 10, "a destination without a host"),
        (vs("  - route: [{destination: {host: orders}, weight: half}, {}]\n"), {}, 10, "the weight half"),
        (vs(to("orders")).replace("networking.istio.io/v1", "appmesh.k8s.aws/v1beta2"), {}, 1, "appmesh"),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: orders}\n", {}, 0, "holds no VirtualService"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_its_line(text, changes, line, reason):
    said = refusal(text, **changes)

    assert reason in said
    assert said.startswith(f"shop.yaml:{line}: " if line else "shop.yaml: ")


def test_another_header_value_or_path_above_is_no_conflict():
    http = (
        MARKED.format("/a", "x-canary", "{exact: qa}", "web")
        + MARKED.format("/b", "x-canary", "{exact: always}", "web")
        + to("orders", "/a")
    )

    insert_and_undo(vs(http))


def test_two_applications_of_one_split_need_two_header_values():
    files = one(vs(SPLIT))
    first = DIALECT.insert(files, a_rule("web")).apply(files)

    assert "takes requests with x-canary: always" in str(catch_refusal(DIALECT, first, a_rule()))
    both = DIALECT.insert(first, a_rule(value="qa")).apply(first)
    assert DIALECT.remove(both, "web").apply(both) == DIALECT.insert(files, a_rule(value="qa")).apply(files)


INNER = vs(to("web", "/a"), "inner", hosts="", gateways="")
ROOT = vs("  - {match: [{uri: {prefix: /a}}], delegate: {name: inner}}\n" + to("orders"))


def test_a_delegate_that_is_given_and_does_not_send_to_the_service_is_no_obstacle():
    files = (SourceFile("root.yaml", ROOT), SourceFile("inner.yaml", INNER))

    assert len(DIALECT.insert(files, a_rule()).covered) == 1
    sends = (files[0], SourceFile("inner.yaml", INNER.replace("web", "orders")))
    assert "has no hosts" in str(catch_refusal(DIALECT, sends, a_rule()))


def test_a_canary_for_every_path_is_refused_where_another_object_serves_the_same_host():
    """Istio joins the objects of a host; the canary's route would be above the other object's routes."""
    other = SourceFile("other.yaml", vs(to("web", "/web"), "other"))
    files = (*one(vs(to("orders"))), other)

    said = str(catch_refusal(DIALECT, files, a_rule()))
    assert said.startswith("shop.yaml:10: VirtualService shop/other has routes for the same host * on shop/edge")

    assert DIALECT.insert((*one(vs(to("orders", "/orders"))), other), a_rule()).covered
    elsewhere = SourceFile("other.yaml", vs(to("web", "/web"), "other", gateways="[inner]"))
    assert DIALECT.insert((files[0], elsewhere), a_rule()).covered


RULE = "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: tls}\nspec:\n  host: orders\n"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            vs(to("orders")) + RULE,
            "DestinationRule tls is for orders; its traffic policy does not apply to orders-canary",
        ),
        (vs(to("orders, subset: v1")), "shop.yaml:10: stable is the subset v1 of orders"),
        (vs(to("orders.shop")), "shop.yaml:10: Istio takes orders.shop as a whole host name"),
        (vs(to("orders"), gateways=""), "VirtualService shop/shop: only sidecars use it"),
    ],
)
def test_a_note_says_what_the_edit_relies_on(text, note):
    (found,) = notes(text)

    assert found.startswith(note)
