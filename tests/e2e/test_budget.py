"""What a whole release asks of the API server, counted by the API server: its audit log names every request.

The release runs as the ServiceAccount of manifests/rbac.yaml, so that its requests are told from all others; with it
the test shows that exactly those rights are enough.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.place import entered
from tests.e2e.accounts import as_account
from tests.e2e.shop_cluster import ShopCluster

MOST = 60  # the target of the design: a kubectl script needs 22, Flagger 111, Argo Rollouts 151


def test_a_whole_release_under_the_least_rights_asks_at_most_sixty_times(
    cluster: ShopCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    account = tmp_path / "kubeconfig"
    account.write_text(as_account(cluster.api, cluster.shop))
    monkeypatch.setenv("KUBECONFIG", str(account))

    start = time.monotonic()
    done = cluster.run("release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success")

    seconds = time.monotonic() - start
    asked = requests_of(f"system:serviceaccount:{cluster.shop}:gatewayctl")
    counted = "\n".join(f"{count:4} {what}" for what, count in Counter(asked).most_common())
    sys.stderr.write(f"\n{len(asked)} requests\n{counted}\n{done.err}")
    assert done.code == 0, done.said
    renewals = asked.count("update leases gatewayctl-orders")  # one for every 15 s, however long the suites take
    # What is watched is believed for 5 or 10 s, and then asked for: that grows with the time that suites and Pods take.
    assert 20 < len(asked) <= MOST + seconds / 5, counted
    assert renewals <= 1 + seconds / 15


def requests_of(user: str) -> list[str]:
    """Verb and resource of each request of `user`, in the order in which they were answered."""
    found = {}
    for line in entered().audit.read_text().splitlines():
        event = json.loads(line)
        if event["user"]["username"] == user:
            what = event.get("objectRef", {})
            found[event["auditID"]] = f"{event['verb']} {what.get('resource')} {what.get('name', '')}".rstrip()
    return list(found.values())
