"""Notes beside an edit: rules that lose requests to the canary, and objects that cover stable alone."""

import pytest

from tests.gateways.httproute.samples import httproute, notes, to

WITH_HEADER = "      headers: [{name: version, value: v2}]\n"
WITH_QUERY = "      queryParams: [{name: v, value: '2'}]\n"


def test_a_mesh_route_is_edited_with_a_note():
    parents = "  parentRefs: [{group: '', kind: Service, name: orders, port: 80}]\n"

    assert "attached to a Service" in " ".join(notes(httproute(to("orders"), spec=parents)))


def test_a_note_names_a_rule_that_loses_marked_requests_to_the_canary():
    text = httproute(to("orders") + to("other", more=WITH_QUERY))

    what = "prefix / + 1 query parameter"
    lost = f"requests with x-canary: always that also match this rule ({what}) go to orders-canary"
    assert notes(text) == (f"route.yaml:13: {lost}: one more header outranks it",)


@pytest.mark.parametrize(
    "rules",
    [
        to("other", more=WITH_HEADER) + to("orders"),  # a tie goes to the first, and ours is the last
        to("orders") + to("other", more=WITH_HEADER),
        to("orders") + to("other", "/longer"),
        to("orders") + to("other", more="      method: GET\n"),
        to("orders") + to("orders", more=WITH_QUERY),
        to("orders") + to("other", more="      headers: [{name: X-Canary, value: never}]\n"),
        to("orders") + to("other", more="      headers: [{name: a, value: b}, {name: version, value: v2}]\n"),
    ],
)
def test_a_rule_that_keeps_its_requests_needs_no_note(rules):
    assert notes(httproute(rules)) == ()


def test_a_route_of_other_hosts_does_not_compete():
    first = httproute(to("orders"), spec="  hostnames: [a.example]\n")
    second = httproute(to("other", more=WITH_HEADER), "web", "  hostnames: [b.example]\n")

    assert notes(f"{first}---\n{second}") == ()
    assert len(notes(f"{first}---\n{second.replace('b.example', 'a.example')}")) == 1


def test_a_route_of_another_gateway_does_not_compete():
    first = httproute(to("orders"), spec="  parentRefs: [{name: edge}]\n")
    second = httproute(to("other", more=WITH_HEADER), "web", "  parentRefs: [{name: inner}]\n")

    assert notes(f"{first}---\n{second}") == ()
    assert len(notes(f"{first}---\n{second.replace('inner', 'edge')}")) == 1


def test_notes_name_other_objects_that_cover_stable_alone():
    policy = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: tls}\n"
        "spec: {targetRefs: [{group: '', kind: Service, name: orders}]}\n"
    )
    grpc = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: rpc}\n"
        "spec: {rules: [{backendRefs: [{name: orders, port: 80}]}]}\n"
    )

    assert notes(f"{httproute(to('orders'))}---\n{policy}---\n{grpc}") == (
        "BackendTLSPolicy tls names orders and not orders-canary",
        "GRPCRoute rpc sends to orders too: its requests stay with it",
    )
