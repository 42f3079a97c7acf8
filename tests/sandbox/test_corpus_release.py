"""Whole releases on a route file of another project, and on clusters in a file."""

import os
import shutil
from pathlib import Path

import pytest

from tests.sandbox.shop import NEW, Shop, a_shop

pytestmark = pytest.mark.sandbox

FILE = "envoy/13-xds-deep-dive-rds.yaml"
CONFIG = """\
version: 1
platform: {kind: sandbox, world: sandbox.yaml}
gateway: {kind: envoy}
apps:
  orders:
    service: service_backend
    probe: {host: anything.example, path: /api/orders/health}
    smoke:
      pytest: {path: ../smoke/orders}
      locust: {file: ../smoke/orders/locustfile.py, users: 4, duration: 2s, samples: 2, slack: 1s}
"""


def use_corpus_file(folder: Path) -> None:
    """Give the example's gateway the corpus file, mounted where it expects it, and clusters with its names."""
    gateway = folder / "gateway-config"
    shutil.copyfile(Path(os.environ["GATEWAYCTL_CORPUS"], FILE), gateway / "rds.yaml")
    changes = {
        "bootstrap.yaml": {
            "route_config_name: shop": "route_config_name: local_route",
            "/etc/gateway": "/etc/envoy/xds",
            "name: orders\n": "name: service_backend\n",
            "name: orders-canary\n": "name: service_backend-canary\n",
        },
        "sandbox.yaml": {"/etc/gateway": "/etc/envoy/xds"},
    }
    for name, words in changes.items():
        text = (gateway / name).read_text()
        for old, new in words.items():
            assert old in text
            text = text.replace(old, new)
        (gateway / name).write_text(text)
    (gateway / "gatewayctl.yaml").write_text(CONFIG)


@pytest.mark.skipif("GATEWAYCTL_CORPUS" not in os.environ, reason="GATEWAYCTL_CORPUS does not name the corpus")
def test_a_release_on_a_real_route_file_is_promoted_and_leaves_it_as_it_was(tmp_path):
    with a_shop(tmp_path, use_corpus_file) as shop:
        original = Path(os.environ["GATEWAYCTL_CORPUS"], FILE).read_bytes()
        assert shop.first.files[0].text.encode() == original

        done = shop.release(NEW)

        assert done.returncode == 0, done.stdout + done.stderr
        assert shop.is_promoted()
        assert shop.wired.ports.gateway.store.read().files[0].text.encode() == original


CLUSTERS = """\
# The platform team's clusters.
resources:
  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: orders
    type: STRICT_DNS
    dns_lookup_family: V4_ONLY
    connect_timeout: 1s
    load_assignment:
      cluster_name: orders
      endpoints:
        - lb_endpoints:
            - endpoint: { address: { socket_address: { address: orders, port_value: 8080 } } }
"""
DYNAMIC = """\
dynamic_resources:
  cds_config:
    resource_api_version: V3
    path_config_source: { path: /etc/gateway/cds.yaml, watched_directory: { path: /etc/gateway } }

"""


def use_clusters_in_a_file(folder: Path) -> None:
    """Put stable's cluster into a file, with none for the canary: a release copies it, and removes the copy."""
    gateway = folder / "gateway-config"
    (gateway / "cds.yaml").write_text(CLUSTERS)
    bootstrap = (gateway / "bootstrap.yaml").read_text()
    head, _, rest = bootstrap.partition("    - name: orders\n")
    payments = rest[rest.index("    - name: payments\n") :].replace("*idle", "&idle", 1)
    anchor = rest[
        rest.index("      typed_extension_protocol_options: &idle\n") : rest.index("      load_assignment:\n")
    ]
    payments = payments.replace("      typed_extension_protocol_options: &idle\n", anchor, 1)
    (gateway / "bootstrap.yaml").write_text(DYNAMIC + head + payments)
    sandbox = (gateway / "sandbox.yaml").read_text()
    assert "files: {rds.yaml: rds.yaml}" in sandbox
    (gateway / "sandbox.yaml").write_text(
        sandbox.replace("files: {rds.yaml: rds.yaml}", "files: {rds.yaml: rds.yaml, cds.yaml: cds.yaml}")
    )


def test_a_cluster_that_nobody_prepared_is_copied_before_the_rule_and_goes_after_it(tmp_path):
    with a_shop(tmp_path, use_clusters_in_a_file) as shop:
        started = shop.cli("start", "orders", "--image", NEW)
        assert started.returncode == 0, started.stdout + started.stderr
        texts = {file.name: file.text for file in shop.wired.ports.gateway.store.read().files}
        assert '"orders-canary"' in texts["cds.yaml"]
        assert changed_files(shop) == ["cds.yaml", "rds.yaml"]

        assert shop.cli("promote", "orders", "--untested").returncode == 0
        assert shop.is_promoted()


def changed_files(shop: Shop) -> list[str]:
    """The names of the files that differ from the start."""
    first = {file.name: file.text for file in shop.first.files}
    return sorted(file.name for file in shop.wired.ports.gateway.store.read().files if file.text != first[file.name])
