"""What a change promises beside its text: stages, notes, what it covers; and the edges of clusters and removal."""

import pytest

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import RouteView, SourceFile
from gatewayctl.gateways.registry import GATEWAYS, gateway
from tests.gateways.envoy.samples import LISTENER, ORDERS, ROUTES, a_rule, cds, dns_cluster, one, rds

DIALECT = gateway("envoy").dialect
ROUTE_FILE = SourceFile("rds.yaml", rds(ORDERS))
CLUSTER_FILE = SourceFile("cds.yaml", cds(dns_cluster("orders", "orders.shop.svc"), dns_cluster("web", "web")))
BOTH = (ROUTE_FILE, CLUSTER_FILE)
EDS = "  name: orders\n  type: EDS\n  eds_cluster_config: { service_name: o1, eds_config: { ads: {} } }\n"


def names(stages):
    return [[file.name for file in stage] for stage in stages]


@pytest.mark.parametrize("files", [BOTH, BOTH[::-1]])
def test_clusters_come_before_the_routes_that_name_them(files):
    change = DIALECT.insert(files, a_rule())

    assert names(change.stages) == [["cds.yaml"], ["rds.yaml"]]
    assert change.notes == ()


@pytest.mark.parametrize("files", [BOTH, BOTH[::-1]])
def test_routes_go_before_the_clusters_they_name(files):
    after = DIALECT.insert(files, a_rule()).apply(files)

    change = DIALECT.remove(after, "orders")

    assert names(change.stages) == [["rds.yaml"], ["cds.yaml"]]
    assert files == change.apply(after)


def test_two_texts_of_one_configmap_are_written_one_after_the_other():
    def block(text):
        return "".join(f"    {line}\n" for line in text.splitlines())

    manifest = (
        "apiVersion: v1\nkind: ConfigMap\ndata:\n"
        f"  rds.yaml: |\n{block(ROUTE_FILE.text)}  cds.yaml: |\n{block(CLUSTER_FILE.text)}"
    )

    change = DIALECT.insert(one(manifest, "map.yaml"), a_rule())

    first, second = (stage[0].text for stage in change.stages)
    assert 'name: "orders-canary"' in first
    assert "gatewayctl-orders-canary\n" not in first
    assert 'cluster: "orders-canary"' not in first
    assert 'cluster: "orders-canary"' in second


def test_only_the_rule_of_the_asked_app_is_removed():
    others = DIALECT.insert(BOTH, a_rule(app="web", service="orders", canary="web-canary")).apply(BOTH)
    both = DIALECT.insert(others, a_rule()).apply(others)

    assert others == DIALECT.remove(both, "orders").apply(both)


def test_another_apps_rule_keeps_its_place_and_is_no_route_of_the_service():
    others = DIALECT.insert(BOTH, a_rule(app="web", service="orders", canary="web-canary")).apply(BOTH)

    change = DIALECT.insert(others, a_rule())

    assert len(change.covered) == 1
    ours = [view.name for view in DIALECT.routes(change.apply(others))]
    assert ours == ["gatewayctl-web-canary", "gatewayctl-orders-canary", ""]


def test_a_covered_route_is_described():
    (covered,) = DIALECT.insert(BOTH, a_rule()).covered

    assert RouteView("rds.yaml", 8, "shop/all", "prefix /", "orders") == covered


def test_canary_rules_are_shown_with_their_header():
    files = one(
        rds(
            "    - match: {path: /x}\n      route: {weighted_clusters: {clusters: "
            "[{name: a, weight: 90}, {name: b, weight: 10}]}}\n" + ORDERS
        )
    )

    views = DIALECT.routes(DIALECT.insert(files, a_rule()).apply(files))

    assert [(view.match, view.target, view.name, view.header) for view in views] == [
        ("path /x", "a:90 b:10", "", ""),
        ("prefix /", "orders-canary", "gatewayctl-orders-canary", "x-canary: always"),
        ("prefix /", "orders", "", ""),
    ]


def test_a_cluster_defined_by_hand_is_neither_changed_nor_removed():
    by_hand = SourceFile("cds.yaml", cds(dns_cluster("orders", "orders"), dns_cluster("orders-canary", "elsewhere")))
    files = (ROUTE_FILE, by_hand)

    change = DIALECT.insert(files, a_rule())
    after = change.apply(files)

    assert names(change.stages) == [["rds.yaml"]]
    assert change.notes == (
        "the cluster orders-canary was not added by gatewayctl: it stays as it is, also when the rule is removed",
    )
    assert files == DIALECT.remove(after, "orders").apply(after)


def test_another_canary_host_is_written_anew_in_place():
    old = DIALECT.insert(BOTH, a_rule()).apply(BOTH)

    change = DIALECT.insert(old, a_rule(canary_host="c.example"))

    assert names(change.stages) == [["cds.yaml"]]
    assert change.apply(old) == DIALECT.insert(BOTH, a_rule(canary_host="c.example")).apply(BOTH)


def test_another_canary_upstream_is_defined_before_the_routes_turn_to_it():
    old = DIALECT.insert(BOTH, a_rule()).apply(BOTH)

    change = DIALECT.insert(old, a_rule(canary="orders-next"))

    first = {file.name: file.text for file in change.stages[0]}
    assert {"cds.yaml"} == set(first)
    assert "orders-canary" in first["cds.yaml"]
    assert "orders-next" in first["cds.yaml"]
    assert change.apply(old) == DIALECT.insert(BOTH, a_rule(canary="orders-next")).apply(BOTH)


def test_a_canary_without_a_cluster_file_is_noted():
    assert (DIALECT.insert((ROUTE_FILE,), a_rule()).notes) == (
        "no file given defines clusters, so a release asks each replica for orders-canary",
    )


def test_a_service_without_a_cluster_of_its_own_is_noted():
    files = (ROUTE_FILE, SourceFile("cds.yaml", cds(dns_cluster("web", "web"))))

    assert (DIALECT.insert(files, a_rule()).notes) == (
        "no file given defines the cluster orders, so a release asks each replica for orders-canary",
    )


def test_endpoints_that_eds_has_to_know_are_noted():
    files = (ROUTE_FILE, SourceFile("cds.yaml", cds(EDS)))

    change = DIALECT.insert(files, a_rule())

    assert change.notes == ("the canary's cluster asks EDS for the endpoints o1-canary: no file given holds them",)
    assert 'service_name: "o1-canary"' in change.apply(files)[1].text


def test_endpoints_that_are_there_already_are_left_alone():
    eds = SourceFile(
        "eds.yaml",
        "resources:\n"
        + "".join(
            f'- "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\n  cluster_name: {name}\n'
            f"  endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: "
            f"{{address: 10.0.0.{last}, port_value: 80}}}}}}}}]}}]\n"
            for last, name in enumerate(("o1", "o1-canary"))
        ),
    )
    files = (ROUTE_FILE, SourceFile("cds.yaml", cds(EDS)), eds)

    change = DIALECT.insert(files, a_rule())

    assert names(change.stages) == [["cds.yaml"], ["rds.yaml"]]
    assert change.notes == ()


def test_connections_of_a_tcp_proxy_to_the_same_service_are_noted():
    tcp = (
        f'resources:\n- "@type": {LISTENER}\n  name: t\n  filter_chains:\n  - filters:\n    - name: t\n'
        '      typed_config:\n        "@type": '
        "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy\n        cluster: orders\n"
    )

    notes = DIALECT.insert((*BOTH, SourceFile("lds.yaml", tcp)), a_rule()).notes

    assert notes == ("lds.yaml:8: tcp_proxy sends to orders too; connections have no headers, so they stay with it",)


def test_routes_in_every_place_envoy_reads_them_are_found():
    inline = "{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: orders}}]}"
    kind = "type.googleapis.com/envoy.config.route.v3"
    text = (
        "resources:\n"
        f'- {{"@type": {kind}.ScopedRouteConfiguration, name: a, route_configuration: {{virtual_hosts: [{inline}]}}}}\n'
        f'- {{"@type": {kind}.VirtualHost, {inline[1:]}\n'
        '- "@type": type.googleapis.com/envoy.service.discovery.v3.Resource\n  name: wrapped\n  resource:\n'
        f'    "@type": {ROUTES}\n    virtual_hosts: [{inline}]\n'
    )
    files = one(text)

    change = DIALECT.insert(files, a_rule())

    assert len(change.covered) == 3
    assert files == DIALECT.remove(change.apply(files), "orders").apply(change.apply(files))


def test_a_list_that_several_hosts_share_is_edited_once():
    files = one(rds("").replace("routes:\n", "routes: &shared\n") + ORDERS + "  - name: b\n    routes: *shared\n")

    change = DIALECT.insert(files, a_rule())

    assert len(change.covered) == 1
    assert change.apply(files)[0].text.count("gatewayctl-orders-canary") == 1


def test_a_percent_sign_in_the_stamp_is_no_command_of_envoys_formatter():
    assert 'value: "50%%"' in DIALECT.insert((ROUTE_FILE,), a_rule(stamp="50%")).apply((ROUTE_FILE,))[0].text


def test_a_service_name_that_needs_escapes_stays_what_it_is():
    odd = 'a "quoted" \\ name: #1'
    files = one(rds(f"    - match: {{ prefix: / }}\n      route: {{ cluster: '{odd}' }}\n"))

    after = DIALECT.insert(files, a_rule(service=odd, canary=odd + "\t-canary")).apply(files)

    assert [odd + "\t-canary", odd] == [view.target for view in DIALECT.routes(after)]
    assert files == DIALECT.remove(after, "orders").apply(after)


def test_its_limits_are_those_of_envoy():
    assert DIALECT.limits.stamp
    both = {Attribution.CANARY, Attribution.STABLE}
    for case in LeakCase:
        assert DIALECT.limits.allowed(case) == (both if case is LeakCase.SENT_TWICE else {Attribution.STABLE})


def test_the_registry_knows_envoy_and_lists_its_names_for_others():
    assert "envoy" in GATEWAYS
    assert gateway("envoy").kind == "envoy"
    with pytest.raises(UsageFault, match="unknown gateway kind 'envoi'") as fault:
        gateway("envoi")
    assert "envoy" in fault.value.hint
