"""Configurations for tests, and functions that write and load them."""

from pathlib import Path

import pytest

from gatewayctl.config.load import ConfigFault, load

GOOD = """\
version: 1
platform: {kind: sandbox, world: sandbox.yaml}
gateway: {kind: envoy}
apps:
  orders:
    probe: {host: shop.example.com, path: /api/orders/health}
"""
CLUSTER = GOOD.replace("{kind: sandbox, world: sandbox.yaml}", "{kind: kubernetes, namespace: shop}").replace(
    "{kind: envoy}",
    "{kind: envoy, namespace: gateway, replicas: {selector: app=gateway}, "
    "config: {configMap: gateway-routes, key: rds.yaml}, traffic: 8000, admin: 9901}",
)


def write_config(folder: Path, text: str) -> Path:
    file = folder / "gatewayctl.yaml"
    file.write_text(text)
    return file


def faults_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigFault) as caught:
        load(write_config(folder, text))
    assert caught.value.exit_code == 2
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]
