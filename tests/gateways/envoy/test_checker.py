"""The real Envoy checks edits: what it would not load is found before it is published."""

import pytest

from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.envoy.checker import EnvoyChecker
from gatewayctl.gateways.registry import gateway
from tests.gateways.envoy.samples import LISTENER, MANAGER, ORDERS, ROUTER, a_rule, cds, dns_cluster, one, rds
from tests.gateways.envoy.test_golden import CASES, read_case

pytestmark = pytest.mark.sandbox

DIALECT = gateway("envoy").dialect
CHECKER = EnvoyChecker()
ROUTES = SourceFile("rds.yaml", rds(ORDERS))
CLUSTERS = SourceFile("cds.yaml", cds(dns_cluster("orders", "orders")))


def listener(routing, more=""):
    return (
        f'resources:\n- "@type": {LISTENER}\n  name: http\n'
        "  address: { socket_address: { address: 127.0.0.1, port_value: 8000 } }\n"
        f'  filter_chains:\n  - filters:\n    - name: http\n      typed_config:\n        "@type": {MANAGER}\n'
        f'        stat_prefix: http\n        http_filters: [{{ name: r, typed_config: {{ "@type": {ROUTER} }} }}]\n'
        f"{routing}{more}"
    )


BY_RDS = SourceFile(
    "lds.yaml",
    listener(
        "        rds:\n          route_config_name: shop\n"
        "          config_source: { path_config_source: { path: /etc/envoy/rds.yaml } }\n"
    ),
)


def broken(files, name, old, new):
    assert any(old in file.text for file in files if file.name == name)
    return tuple(SourceFile(f.name, f.text.replace(old, new)) if f.name == name else f for f in files)


@pytest.mark.shows("envoy", "own check")
@pytest.mark.parametrize("case", CASES)
def test_every_golden_edit_is_loaded_by_envoy(case):
    result = CHECKER.check(read_case(case, "before"), read_case(case, "after"))

    assert (result.ok, result.checked) == (True, True), result.detail


@pytest.mark.parametrize("files", [(ROUTES,), (ROUTES, CLUSTERS), (BY_RDS, ROUTES), (CLUSTERS, BY_RDS, ROUTES)])
def test_xds_files_in_any_combination_are_checked_whole(files):
    after = DIALECT.insert(files, a_rule()).apply(files)

    result = CHECKER.check(files, after)

    assert (result.ok, result.checked, result.detail) == (True, True, "")


FAULTS = {
    "a field that sends everything to the canary": ("rds.yaml", "headers:", "header:", "no such field: 'header'"),
    "a matcher that is misspelt": ("rds.yaml", "string_match:", "string_macht:", "no such field: 'string_macht'"),
    "an action that is misspelt": ("rds.yaml", "OVERWRITE_IF", "OVERWRITE_WHEN", "unknown enum value"),
    "a value that is read as a boolean": ("rds.yaml", '"always"', "on", "exact"),
    "a cluster without a field": ("cds.yaml", "load_assignment:", "load_asignment:", "no such field: 'load_asignment'"),
    "a canary that no file defines": (
        "cds.yaml",
        'name: "orders-canary"',
        "name: other",
        "unknown cluster 'orders",
    ),
    "no yaml any more": ("rds.yaml", "resources:", "resources: a: b", "rds.yaml:1: not YAML"),
}


@pytest.mark.shows("envoy", "own check")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("others", [(), (BY_RDS,)])
def test_what_a_running_envoy_would_reject_or_ignore_is_not_ok(fault, others):
    files = (ROUTES, CLUSTERS, *others)
    name, old, new, reason = FAULTS[fault]
    after = broken(DIALECT.insert(files, a_rule()).apply(files), name, old, new)

    result = CHECKER.check(files, after)

    assert (result.ok, result.checked) == (False, True)
    assert reason in result.detail
    assert "\n" not in result.detail


def test_endpoints_are_checked_too():
    eds = SourceFile(
        "eds.yaml",
        'resources:\n- "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\n'
        "  cluster_name: orders\n  endpoints: []\n",
    )
    files = (ROUTES, eds)

    result = CHECKER.check(files, broken(files, "eds.yaml", "endpoints:", "endpoint:"))

    assert (result.ok, result.checked) == (False, True)
    assert "no such field: 'endpoint'" in result.detail


TLS = """\
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
        common_tls_context:
          tls_certificates:
          - { certificate_chain: { filename: /nowhere/tls.crt }, private_key: { filename: /nowhere/tls.key } }
"""


def behind_tls():
    hosts = "\n".join(f"        {line}" for line in rds(ORDERS).split("  name: shop\n")[1].split("\n"))
    inline = SourceFile("lds.yaml", listener(f"        route_config:\n{hosts}\n", TLS))
    return inline, CLUSTERS


def test_files_that_need_what_only_the_gateway_has_are_checked_in_parts():
    files = behind_tls()

    result = CHECKER.check(files, DIALECT.insert(files, a_rule()).apply(files))

    assert (result.ok, result.checked) == (True, True)
    assert result.detail.startswith("only the routes and our cluster checked; as a whole Envoy cannot load the files")
    assert "/nowhere/tls." in result.detail


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("lds.yaml", "headers:", "header:"), ("cds.yaml", 'cluster_name: "orders-canary"', "cluster: x")],
)
def test_a_fault_of_the_edit_is_found_in_parts_too(name, old, new):
    files = behind_tls()
    after = broken(DIALECT.insert(files, a_rule()).apply(files), name, old, new)

    result = CHECKER.check(files, after)

    assert (result.ok, result.checked) == (False, True)
    assert "no such field" in result.detail


def test_files_that_were_broken_before_are_no_fault_of_the_edit():
    files = one(rds("    - match: { prefix: /, spell: x }\n      route: { cluster: orders }\n"))

    result = CHECKER.check(files, DIALECT.insert(files, a_rule()).apply(files))

    assert (result.ok, result.checked) == (True, False)
    assert "Envoy does not load the files as they were" in result.detail
    assert "no such field: 'spell'" in result.detail


def test_scalars_reach_envoy_as_they_are_written():
    files = one(
        rds("    - match: { prefix: /, headers: [{ name: x, exact_match: no }] }\n      route: {cluster: orders}\n")
    )
    quoted = one(files[0].text.replace("exact_match: no", 'exact_match: "no"'))

    plain = CHECKER.check(quoted, files)

    assert not plain.ok  # Envoy reads a plain `no` as a boolean, and so must the throw-away file let it
    assert CHECKER.check(quoted, quoted).ok


def test_without_a_binary_nothing_is_checked(tmp_path):
    files = (ROUTES,)

    result = EnvoyChecker(str(tmp_path / "no-envoy")).check(files, files)

    assert (result.ok, result.checked) == (True, False)
    assert result.detail.startswith("not checked: ")
