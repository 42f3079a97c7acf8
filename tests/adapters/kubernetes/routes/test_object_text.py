"""Objects as text and back: the order of keys is declared, and only rules travel, wherever the list of them is."""

import pytest

from gatewayctl.adapters.kubernetes.routes.object_text import ObjectText
from gatewayctl.domain.errors import Refused, UsageFault
from gatewayctl.gateways.httproute.resource import HTTPROUTE
from tests.fakes.toyroute.resource import TOYROUTE

TOY, HTTP = ObjectText(TOYROUTE), ObjectText(HTTPROUTE)
HEAD = 'apiVersion: toy.example/v1\nkind: ToyRoute\nmetadata:\n  name: "shop"\n  namespace: "shop"\n'


def a_toy(**spec):
    metadata = {"name": "shop", "namespace": "shop", "uid": "u"}
    return {"apiVersion": "toy.example/v1", "kind": "ToyRoute", "metadata": metadata, "spec": spec, "status": {"x": 1}}


def routes(*rules):
    return {"routes": list(rules)}


def test_keys_are_written_in_the_declared_order_and_all_others_by_name_between():
    rule = {"label": "l", "zone": "z", "when": {}, "path": "/", "area": "a", "to": "web"}

    text = TOY.text_of(a_toy(traffic=routes(rule)))

    keys = [line.strip(" -").partition(":")[0] for line in text.removeprefix(HEAD).splitlines()[3:]]
    assert text.startswith(HEAD)
    assert keys == ["to", "path", "area", "zone", "when", "label"]


def test_the_words_of_the_api_are_plain_where_the_resource_says_so():
    spec = {"rules": [{"filters": [{"type": "RequestMirror"}]}]}

    assert "- type: RequestMirror" in HTTP.text_of({"kind": "HTTPRoute", "spec": spec})
    assert '- type: "RequestMirror"' in TOY.text_of(a_toy(filters=[{"type": "RequestMirror"}]))


@pytest.mark.parametrize(
    ("spec", "first"),
    [
        ({}, {"op": "add", "path": "/spec/traffic", "value": {"routes": []}}),
        ({"traffic": {}}, {"op": "add", "path": "/spec/traffic/routes", "value": []}),
        ({"traffic": {"timeout": "5s"}}, {"op": "add", "path": "/spec/traffic/routes", "value": []}),
    ],
)
def test_a_list_of_rules_that_is_not_there_is_made_with_the_objects_around_it(spec, first):
    wanted = {**spec, "traffic": {**spec.get("traffic", {}), "routes": [{"to": "web"}]}}

    operations = TOY.patch_of(a_toy(**spec), "shop/shop", TOY.text_of(a_toy(**wanted)))

    assert operations == [first, {"op": "add", "path": "/spec/traffic/routes/0", "value": {"to": "web"}}]


@pytest.mark.parametrize(
    "changed",
    [
        {"hosts": ["other"], "traffic": routes({"to": "web"})},
        {"hosts": ["shop"], "traffic": {"timeout": "5s", **routes({"to": "web"})}},
        {"hosts": ["shop"]},
    ],
)
def test_a_text_that_differs_in_more_than_rules_is_refused(changed):
    found = a_toy(hosts=["shop"], traffic={"timeout": "9s", **routes({"to": "web"})})

    with pytest.raises(Refused, match="only the rules of a live ToyRoute are edited"):
        TOY.patch_of(found, "shop/shop", TOY.text_of(a_toy(**changed)))


def test_rules_are_taken_out_and_put_in_from_the_end():
    found = a_toy(traffic=routes({"to": "a"}, {"to": "b"}, {"to": "c"}))

    operations = TOY.patch_of(found, "shop/shop", TOY.text_of(a_toy(traffic=routes({"to": "b"}, {"to": "d"}))))

    assert operations == [
        {"op": "remove", "path": "/spec/traffic/routes/2"},
        {"op": "add", "path": "/spec/traffic/routes/2", "value": {"to": "d"}},
        {"op": "remove", "path": "/spec/traffic/routes/0"},
    ]


@pytest.mark.parametrize(("text", "reason"), [("a: [", "not YAML"), ("[]", "expected an object of kind ToyRoute")])
def test_a_text_that_is_no_such_object_is_a_usage_fault(text, reason):
    with pytest.raises(UsageFault, match=reason):
        TOY.patch_of(a_toy(), "shop/shop", text)
