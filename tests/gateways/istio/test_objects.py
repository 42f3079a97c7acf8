"""A live VirtualService: it is given with sorted keys, and what is written is read back as the same bytes."""

import copy

import pytest

from gatewayctl.adapters.kubernetes.routes.object_text import ObjectText
from gatewayctl.gateways.istio.resource import VIRTUAL_SERVICE
from tests.gateways.istio.samples import DIALECT, a_rule, one

SPEC = {
    "gateways": ["edge"],
    "hosts": ["shop.example"],
    "http": [
        {
            "match": [{"headers": {"z": {"exact": "1"}, "a": {"regex": "b.*"}}, "uri": {"prefix": "/o"}}],
            "retries": {"attempts": 1},
            "route": [
                {
                    "destination": {"host": "orders", "port": {"number": 80}, "subset": "v1"},
                    "headers": {"response": {"set": {"y": "é: on"}, "add": {"z": "1"}}, "request": {"remove": ["c"]}},
                }
            ],
        },
        {"route": [{"destination": {"host": "web"}}]},
    ],
}
LIVE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "shop", "namespace": "shop", "resourceVersion": "5"},
    "spec": SPEC,
}
TEXT = ObjectText(VIRTUAL_SERVICE)


def applied(found, operations):
    """The object after these operations on its list of routes, which are all that may be."""
    after = copy.deepcopy(found)
    for operation in operations:
        *head, index = operation["path"].split("/")
        assert head == ["", "spec", "http"]
        if operation["op"] == "add":
            after["spec"]["http"].insert(int(index), operation["value"])
        else:
            del after["spec"]["http"][int(index)]
    return after


@pytest.mark.parametrize("share", [0, 30])
def test_what_is_written_to_an_object_is_read_back_as_the_same_bytes_and_removed(share):
    files = one(TEXT.text_of(LIVE))
    rule = a_rule(share=share)
    (after,) = DIALECT.insert(files, rule).apply(files)

    patch = TEXT.patch_of(LIVE, "shop", after.text)
    live = applied(LIVE, patch)

    assert [operation["op"] for operation in patch] == ["add"] * (2 if share else 1)
    assert TEXT.text_of(live) == after.text
    assert DIALECT.insert(one(TEXT.text_of(live)), rule).stages == ()
    (before,) = DIALECT.remove((after,), "orders").apply((after,))
    assert applied(live, TEXT.patch_of(live, "shop", before.text)) == LIVE
