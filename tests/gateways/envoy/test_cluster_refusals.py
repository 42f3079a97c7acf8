"""Clusters that cannot be copied are refused with file, line, a reason that is true, and what to do instead."""

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.registry import gateway
from tests.gateways.envoy.samples import CLUSTER, ORDERS, a_rule, cds, rds

DIALECT = gateway("envoy").dialect


def clusters(*lines: str) -> str:
    return cds("  name: orders\n" + "".join(f"  {line}\n" for line in lines))


def endpoint(address: str) -> str:
    return f"load_assignment: {{endpoints: [{{lb_endpoints: [{{endpoint: {{address: {address}}}}}]}}]}}"


def at(host: str) -> str:
    return endpoint(f"{{socket_address: {{address: {host}, port_value: 80}}}}")


UNDERIVED = "the canary's address cannot be derived from the cluster orders: "
CLUSTER_REFUSALS = {
    "an ip address": (clusters("type: STATIC", at("10.0.0.1")), {}, f":5: {UNDERIVED}10.0.0.1 is an IP address"),
    "an ipv6 address": (clusters("type: STATIC", at('"::1"')), {}, f":5: {UNDERIVED}::1 is an IP address"),
    "localhost": (clusters("type: STRICT_DNS", at("localhost")), {}, f":5: {UNDERIVED}localhost is the machine itself"),
    "a placeholder": (clusters("type: STRICT_DNS", at('"${H}"')), {}, f":5: {UNDERIVED}${{H}} is a placeholder"),
    "a name with blanks": (clusters("type: STRICT_DNS", at("a b")), {}, f":5: {UNDERIVED}'a b' is not a host name"),
    "a long label": (
        clusters("type: STRICT_DNS", at("a" * 60)),
        {},
        f":5: {UNDERIVED}{'a' * 60}-canary is longer than a DNS label may be",
    ),
    "a pipe": (
        clusters("type: STATIC", endpoint("{pipe: {path: /s}}")),
        {},
        f":5: {UNDERIVED}its address is a Unix socket",
    ),
    "a host name for a static cluster": (
        clusters("type: STATIC", at("10.0.0.1")),
        {"canary_host": "c.example"},
        f":5: {UNDERIVED}its endpoints have to be IP addresses, and c.example is none",
    ),
    "two hosts and one canary": (
        clusters(
            "type: STRICT_DNS",
            "load_assignment:",
            "  endpoints:",
            "  - lb_endpoints:",
            "    - endpoint: {address: {socket_address: {address: a, port_value: 1}}}",
            "    - endpoint: {address: {socket_address: {address: b, port_value: 1}}}",
        ),
        {"canary_host": "c.example"},
        f":6: {UNDERIVED}it has 2 hosts, and only one is given for the canary (c.example)",
    ),
    "original destination": (
        clusters("type: ORIGINAL_DST"),
        {},
        ":2: the cluster orders is of type ORIGINAL_DST: its endpoints are not the file's to name",
    ),
    "a dynamic proxy": (
        clusters("cluster_type: {name: envoy.clusters.dynamic_forward_proxy}"),
        {},
        ":2: the cluster orders is of type envoy.clusters.dynamic_forward_proxy: its endpoints are",
    ),
    "no endpoints": (clusters("type: STRICT_DNS"), {}, ":2: the cluster orders has no load_assignment to copy"),
    "an eds cluster without its source": (
        clusters("type: EDS"),
        {},
        ":2: the EDS cluster orders has no eds_cluster_config",
    ),
    "v2 hosts": (
        clusters("type: STRICT_DNS", "hosts: []"),
        {},
        ":5: `hosts:` of the cluster orders, v2 API: current Envoy does not load it",
    ),
    "a cluster outside a list": (
        f'resources:\n  "@type": {CLUSTER}\n  name: orders\n  type: STRICT_DNS\n  {at("orders")}\n',
        {},
        ":2: orders is a single mapping and not in a list: nothing can be put beside it",
    ),
    "endpoints by eds that are addresses": (
        cds("  name: orders\n  type: EDS\n  eds_cluster_config: {service_name: o}\n")
        + '- "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\n  cluster_name: o\n'
        "  endpoints: {lb_endpoints: {endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 1}}}}}\n",
        {},
        f":8: {UNDERIVED}10.0.0.1 is an IP address",
    ),
}


@pytest.mark.parametrize("case", CLUSTER_REFUSALS)
def test_a_cluster_that_cannot_be_copied_is_refused_with_its_place_and_reason(case):
    text, changes, reason = CLUSTER_REFUSALS[case]
    files = (SourceFile("rds.yaml", rds(ORDERS)), SourceFile("cds.yaml", text))

    with pytest.raises(Refused) as refused:
        DIALECT.insert(files, a_rule(**changes))

    assert str(refused.value).startswith(f"cds.yaml{reason}")
    assert refused.value.exit_code == 2


def test_an_address_that_cannot_be_derived_comes_with_two_ways_out():
    files = (SourceFile("rds.yaml", rds(ORDERS)), SourceFile("cds.yaml", clusters("type: STATIC", at("10.0.0.1"))))

    with pytest.raises(Refused) as refused:
        DIALECT.insert(files, a_rule())

    assert "--canary-host HOST" in refused.value.hint
    assert "define the cluster orders-canary yourself" in refused.value.hint
