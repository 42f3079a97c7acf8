"""Which bootstraps make a changed route file live."""

import pytest

from gatewayctl.gateways.envoy.reload import reload_trouble

MOUNT = "/etc/envoy/xds/rds.yaml"
WATCHED = "{path_config_source: {path: /etc/envoy/xds/rds.yaml, watched_directory: {path: /etc/envoy/xds}}}"


def bootstrap(source: str) -> str:
    return f"dynamic_resources:\n  lds_config: {source}\n"


@pytest.mark.parametrize(
    "text",
    [
        bootstrap(WATCHED),
        bootstrap(WATCHED.replace("path_config_source", "pathConfigSource").replace("d_d", "dD")),
        f"a: [{{rds: {{route_config_name: r, config_source: {WATCHED}}}}}]\n",
        bootstrap(WATCHED.replace("/etc/envoy/xds}", "/etc/envoy/xds/}")),
    ],
)
def test_a_watched_directory_is_fine(text):
    assert reload_trouble(text, MOUNT) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (bootstrap("{path_config_source: {path: /etc/envoy/xds/rds.yaml}}"), "without watched_directory"),
        (bootstrap("{path: /etc/envoy/xds/rds.yaml}"), "without watched_directory"),
        (bootstrap(WATCHED.replace("{path: /etc/envoy/xds}", "{path: /etc}")), "it watches /etc, but"),
        (bootstrap(WATCHED.replace("rds.yaml", "other.yaml")), "nothing in it reads /etc/envoy/xds/rds.yaml as xDS"),
        ("static_resources: {listeners: []}\n", "static resources are never reloaded"),
        ("a: b: c\n", "bootstrap:1: not YAML"),
    ],
)
def test_any_other_source_has_a_reason(text, reason):
    assert reason in reload_trouble(text, MOUNT)
