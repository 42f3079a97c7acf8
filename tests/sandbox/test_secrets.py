"""Secrets in the environment of a release: in nothing that it prints or writes."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.sandbox

SECRET = "s3cr3t-0f-nobody"  # noqa: S105  # a word that nothing may hold
ENVIRONMENT = {
    "SHOP_PASSWORD": SECRET,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "GATEWAYCTL_TEAM_TOKEN": SECRET,
    "HTTPS_PROXY": f"http://me:{SECRET}@127.0.0.1:1",
}


def test_a_release_that_is_rejected_shows_and_keeps_no_secret_of_its_environment(shop):
    """A rejection shows and keeps the most: logs, output of the suite, reasons and a report."""
    command = [sys.executable, "-m", "gatewayctl"]
    environment = {**shop.environment, **ENVIRONMENT}
    words = ("release", "orders", "--image", "shop/orders:1.1-errors", "--promote", "on-success", "-o", "json")
    done = subprocess.run(
        [*command, *words], cwd=shop.folder, env=environment, capture_output=True, text=True, timeout=180
    )
    told = subprocess.run(
        [*command, "history", "orders"], cwd=shop.folder, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 3, done.stdout + done.stderr
    written = [path for path in (shop.config.parent / ".gatewayctl").rglob("*") if path.is_file()]
    assert any(path.name == "orders-canary.txt" for path in written), "the canary's log is kept"
    assert SECRET not in done.stdout + done.stderr + told.stdout + told.stderr
    assert [str(path) for path in written if SECRET.encode() in path.read_bytes()] == []
    assert os.environ.get("SHOP_PASSWORD") is None, "the secret was in the command's environment only"
