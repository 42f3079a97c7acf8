"""What a canary Ingress is made of, where it stands, and what is refused."""

import json
import re
from dataclasses import replace

import pytest

from gatewayctl.adapters.kubernetes.client.names import own_labels
from gatewayctl.adapters.kubernetes.routes.companion_text import CompanionText
from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import own_routes, share_routes
from gatewayctl.gateways.ingressnginx.canary import APP_LABEL
from gatewayctl.gateways.ingressnginx.checker import IngressChecker
from gatewayctl.gateways.ingressnginx.ingress import OWN_LABEL
from gatewayctl.gateways.ingressnginx.resource import INGRESS
from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.resource import INACTIVE_CLASS
from gatewayctl.yamlloader import load
from tests.contract.dialects import insert_reversibly
from tests.gateways.ingressnginx.samples import CANARY, SHOP, a_rule, canaries, files

DIALECT = gateway("ingress-nginx").dialect
PREFIX = "nginx.ingress.kubernetes.io/"
INGRESS_ONLY = SHOP.split("---\n")[1]


def test_the_canary_has_all_of_stables_ingress_that_shapes_a_request_and_stands_behind_it():
    before = files(SHOP)

    [after] = insert_reversibly(DIALECT, before, a_rule())

    assert after.text == SHOP.replace("# The end of it.\n", f"# The end of it.\n{CANARY}")


def test_the_labels_are_those_by_which_a_store_finds_our_objects():
    assert dict([OWN_LABEL, (APP_LABEL, "orders")]) == own_labels("orders")


def test_what_is_written_is_the_text_that_a_store_makes_of_the_object():
    """I4 in a cluster: else the next read would look like somebody's edit."""
    assert INGRESS.companions is not None
    store = CompanionText(INGRESS, INGRESS.companions)

    assert "---\n" + store.companion_text(load(CANARY)) == CANARY


def test_a_share_is_a_weight_of_a_hundred_and_both_go_with_the_canary():
    after = insert_reversibly(DIALECT, files(SHOP), a_rule(share=5))

    [one] = canaries(after)
    assert one.annotations[f"{PREFIX}canary-weight"] == "5"
    assert one.annotations[f"{PREFIX}canary-weight-total"] == "100"
    routes = DIALECT.routes(after)
    assert [view.share for view in share_routes(routes, "orders")] == [5, 5]
    assert [view.header for view in own_routes(routes, "orders")] == ["x-canary: always"] * 2


def test_trap_2_a_canary_is_taken_away_and_never_switched_off():
    before = files(SHOP)
    after = DIALECT.insert(before, a_rule()).apply(before)

    gone = DIALECT.remove(after, "orders").apply(after)

    assert [one.annotations[f"{PREFIX}canary"] for one in canaries(after)] == ["true"]
    assert gone == before


def test_trap_3_a_canary_has_stables_class_and_without_one_there_is_no_canary():
    with pytest.raises(Refused, match=r"^1.yaml:6: Ingress shop/shop has no class"):
        DIALECT.insert(files(SHOP.replace("  ingressClassName: nginx\n", "")), a_rule())

    old = SHOP.replace("  ingressClassName: nginx\n", "").replace(
        "  annotations:\n", "  annotations:\n    kubernetes.io/ingress.class: nginx\n"
    )
    [one] = canaries(insert_reversibly(DIALECT, files(old), a_rule()))
    assert (one.class_name, one.annotations["kubernetes.io/ingress.class"]) == ("", "nginx")


def test_trap_4_every_path_with_the_service_is_in_a_canary_because_the_controller_goes_by_the_service():
    second = INGRESS_ONLY.replace("name: shop\n", "name: second\n")

    change = DIALECT.insert(files(SHOP, second), a_rule())

    assert [(one.place, one.match) for one in change.covered] == [
        (place, match)
        for place in ("shop/shop", "shop/second")
        for match in ("shop.example.com regex /api/orders(/|$)(.*)", "www.example.com path /orders")
    ]


@pytest.mark.parametrize("mine", ['canary: "true"', "canary: true"])
def test_trap_8_a_second_canary_of_a_path_is_refused_because_it_would_be_ignored(mine):
    theirs = INGRESS_ONLY.replace("name: shop\n", "name: theirs\n", 1).replace(
        "  annotations:\n", f"  annotations:\n    {PREFIX}{mine}\n"
    )

    with pytest.raises(Refused, match=r"2.yaml:\d+: shop/theirs is a canary of the same path"):
        DIALECT.insert(files(SHOP, theirs), a_rule())
    with pytest.raises(Refused, match="and it is itself a canary"):
        DIALECT.insert(files(theirs), a_rule())


def test_trap_8_so_is_the_canary_of_a_second_application_with_the_same_service():
    one = DIALECT.insert(files(SHOP), a_rule()).apply(files(SHOP))

    with pytest.raises(Refused, match=r"gatewayctl-orders-canary.shop is a canary of the same path"):
        DIALECT.insert(one, a_rule(app="again"))


@pytest.mark.parametrize("weight", ["abc", "", "-1", "1.5"])
def test_trap_8_a_weight_that_is_no_number_is_no_share(weight):
    after = DIALECT.insert(files(SHOP), a_rule(share=7)).apply(files(SHOP))
    odd = files(after[0].text.replace('canary-weight": "7"', f'canary-weight": "{weight}"'))

    assert share_routes(DIALECT.routes(odd), "orders") == ()
    assert DIALECT.insert(odd, a_rule(share=7)).apply(odd) == after


def test_canaries_of_two_applications_are_in_the_order_of_their_names_whoever_came_first():
    web, orders = a_rule("web", "web", canary="web-canary"), a_rule()
    first = insert_reversibly(DIALECT, insert_reversibly(DIALECT, files(SHOP), web), orders)
    second = insert_reversibly(DIALECT, insert_reversibly(DIALECT, files(SHOP), orders), web)

    assert first == second
    assert [one.name for one in canaries(first)] == ["gatewayctl-orders-canary.shop", "gatewayctl-web-canary.shop"]
    assert DIALECT.remove(first, "web").apply(first) == insert_reversibly(DIALECT, files(SHOP), orders)


def as_list(text: str) -> str:
    body = "".join(f"  {line}" for line in text.splitlines(keepends=True))
    return (
        f"apiVersion: v1\nkind: List\nitems:\n- {body.strip()}\n- {body.replace('name: shop', 'name: more').strip()}\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        INGRESS_ONLY,
        INGRESS_ONLY.rstrip("\n"),
        "\ufeff" + INGRESS_ONLY,
        "---\n" + INGRESS_ONLY + "...\n",
        INGRESS_ONLY + "---\n",
        INGRESS_ONLY.replace("\n", "\r\n") + "---",
        as_list(INGRESS_ONLY),
        as_list(INGRESS_ONLY) + "---\n" + INGRESS_ONLY.replace("name: shop\n", "name: third\n"),
    ],
    ids=["alone", "no line end", "BOM", "end mark", "empty document", "CRLF", "list", "list and document"],
)
def test_a_file_of_any_form_gets_its_canaries_and_loses_them_byte_for_byte(text):
    one = insert_reversibly(DIALECT, files(text), a_rule())
    both = insert_reversibly(DIALECT, one, a_rule("web", "web", canary="web-canary"))

    assert len(canaries(both)) == 2 * len(canaries(one)) == 2 * text.count("kind: Ingress")
    assert DIALECT.remove(DIALECT.remove(both, "orders").apply(both), "web").apply(both) != both


def test_a_canary_without_its_class_is_no_route_yet_and_is_completed_or_taken_away():
    """What a process leaves that dies between its two writes."""
    whole = DIALECT.insert(files(SHOP), a_rule(share=5)).apply(files(SHOP))
    begun = files(whole[0].text.replace('ClassName: "nginx"', f'ClassName: "{INACTIVE_CLASS}"'))

    assert own_routes(DIALECT.routes(begun), "orders") == share_routes(DIALECT.routes(begun), "orders") == ()
    assert DIALECT.insert(begun, a_rule(share=5)).apply(begun) == whole
    assert DIALECT.remove(begun, "orders").apply(begun) == files(SHOP)


def test_the_default_backend_is_a_path_like_others_without_an_example():
    text = re.sub(
        r"  rules:\n(.*\n)*", "  defaultBackend: {service: {name: orders, port: {number: 80}}}\n", INGRESS_ONLY
    )

    change = DIALECT.insert(files(text), a_rule())

    [covered] = change.covered
    assert covered.match == "every other request"
    assert covered.examples[0].why_not
    assert [one.is_default for one in canaries(change.apply(files(text)))[0].backends] == [True]


def test_a_cookie_that_wins_over_the_header_is_noted():
    text = SHOP.replace("  annotations:\n", f"  annotations:\n    {PREFIX}affinity: cookie\n")

    assert "cookie wins over the header" in " ".join(DIALECT.insert(files(text), a_rule()).notes)
    legacy = text.replace("  annotations:\n", f"  annotations:\n    {PREFIX}affinity-canary-behavior: legacy\n")
    assert DIALECT.insert(files(legacy), a_rule()).notes == ()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("rewrite-target: /$2", 'ssl-passthrough: "true"', "no header can be seen"),
        ("rewrite-target: /$2", "permanent-redirect: https://x", "none reaches the Service"),
        ("networking.k8s.io/v1\n", "networking.k8s.io/v1beta1\n", "this version is gone"),
        ("name: shop\n", "name: '{{ .Values.name }}'\n", "left to a template"),
        ("name: shop\n", f"name: {'s' * 240}\n", "longer than 253"),
        ("number: 8080", "number: http", "the number of a port expected"),
    ],
)
def test_what_cannot_have_a_canary_is_refused_with_its_line(old, new, reason):
    with pytest.raises(Refused, match=rf"^1.yaml:\d+: .*{re.escape(reason)}"):
        DIALECT.insert(files(SHOP.replace(old, new)), a_rule())


def test_json_two_namespaces_a_canary_elsewhere_and_a_name_twice_are_refused():
    with pytest.raises(Refused, match="a file in JSON holds one document"):
        DIALECT.insert(files(as_json()), a_rule())
    other = INGRESS_ONLY.replace("namespace: shop", "namespace: other")
    with pytest.raises(Refused, match="stands for Services of two namespaces") as caught:
        DIALECT.insert(files(SHOP, other), a_rule())
    assert "orders.shop or orders.other" in caught.value.hint
    assert len(DIALECT.insert(files(SHOP, other), a_rule("orders.other")).covered) == 2
    with pytest.raises(Refused, match="in another namespace than orders"):
        DIALECT.insert(files(SHOP), a_rule(canary="orders-canary.other"))
    with pytest.raises(Refused, match="in these files twice"):
        DIALECT.insert(files(SHOP, INGRESS_ONLY), a_rule())


def as_json() -> str:
    """The Ingress as JSON."""
    return json.dumps(load(INGRESS_ONLY))


def test_files_without_an_ingress_say_what_they_hold():
    with pytest.raises(Refused, match=r"holds no Ingress of .*, only Service"):
        DIALECT.routes(files(SHOP.split("---\n")[0]))


def test_the_check_finds_a_name_that_an_edit_made_twice_and_text_that_is_no_ingress():
    checker, before = IngressChecker(), files(SHOP)
    after = DIALECT.insert(before, a_rule()).apply(before)

    assert checker.check(before, after).ok
    assert not checker.check(before, files(SHOP + "---\n" + INGRESS_ONLY)).ok
    assert not checker.check(before, files("kind: [")).ok
    assert DIALECT.limits.stamp is False
    DIALECT.limits.permit(replace(a_rule(share=5), fallback=True))
