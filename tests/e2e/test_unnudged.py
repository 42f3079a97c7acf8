"""A release whose process dies at a bad moment, on a real cluster."""

import os
import re
import subprocess
import sys

from tests.e2e.shop_cluster import ShopCluster

# The command, but for its death between the write of the ConfigMap and the first word to a gateway Pod.
_DIES = """
import os, signal
from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
from gatewayctl.cli.app import main
KubernetesRouteStore.announce = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main()
"""


def test_a_resume_after_a_death_between_write_and_nudge_does_not_wait_for_the_kubelets_minute(cluster: ShopCluster):
    died = subprocess.run(
        [sys.executable, "-c", _DIES, "start", "orders", "--image", "shop/orders:1.1"],
        cwd=cluster.folder,
        env={key: value for key, value in os.environ.items() if not key.startswith("GATEWAYCTL_")},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert died.returncode == -9, died.stderr
    assert "gatewayctl-orders-canary" in cluster.routes()

    resumed = cluster.run("resume", "orders")

    assert resumed.code == 0, resumed.said
    said = re.search(r"3/3 gateway replicas serve it on 1 route, ([\d.]+) s after the write", resumed.err)
    assert said, resumed.said
    assert float(said[1]) < 20
