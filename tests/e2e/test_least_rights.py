"""A whole life under the Roles of manifests/rbac.yaml and nothing else: every command that a release may need."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gatewayctl.adapters.kubernetes.client.api import ApiFault, connect
from gatewayctl.adapters.kubernetes.client.paths import config_maps
from tests.e2e.accounts import as_account
from tests.e2e.shop_cluster import ROOT, Done, ShopCluster


@pytest.fixture
def limited(cluster: ShopCluster, tmp_path: Path) -> ShopCluster:
    """The same cluster for someone who is that account."""
    cluster.apply([one for one in yaml.safe_load_all((ROOT / "manifests" / "rbac.yaml").read_text()) if one])
    file = tmp_path / "kubeconfig"
    file.write_text(as_account(cluster.api, cluster.shop))
    with pytest.raises(ApiFault, match="forbidden"):
        connect(file=str(file)).get(f"/api/v1/namespaces/{cluster.gateway}/configmaps")
    return replace(cluster, environment={"KUBECONFIG": str(file)})


def did(done: Done) -> Done:
    """It ended well, and was denied nothing."""
    assert done.code == 0, done.said
    assert "forbidden" not in done.said
    return done


@pytest.mark.timeout(400)
def test_every_command_of_a_release_works_with_the_rights_of_the_manifest_alone(
    cluster: ShopCluster, limited: ShopCluster
):
    routes = cluster.routes()

    checked = did(limited.run("doctor", "orders")).out
    assert "✓ orders: rights: all" in checked
    assert "✓ orders: rolling update: Pods are ready" in checked
    did(limited.run("plan", "orders", "--image", "shop/orders:1.1"))
    did(limited.run("release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success"))
    assert cluster.image("orders") == "shop/orders:1.1"

    did(limited.run("start", "orders", "--image", "shop/orders:1.0"))
    assert json.loads(did(limited.run("status", "orders", "-o", "json")).out)
    did(limited.run("smoke", "orders"))
    did(limited.run("promote", "orders"))
    assert cluster.image("orders") == "shop/orders:1.0"

    did(limited.run("start", "orders", "--image", "shop/orders:1.1"))
    did(limited.run("abort", "orders", "-n", cluster.shop, cwd=limited.folder / ".gatewayctl"))
    assert "aborted" in did(limited.run("history", "orders")).out

    did(limited.run("start", "orders", "--image", "shop/orders:1.1"))
    cluster.api.delete(config_maps(cluster.shop, "gatewayctl-orders"))
    did(limited.run("sweep", "orders"))
    did(limited.run("sync", "orders"))

    assert cluster.routes() == routes
    assert (cluster.image("orders"), cluster.pods("orders-canary")) == ("shop/orders:1.0", [])
