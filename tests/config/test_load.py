"""gatewayctl.yaml: short by convention, every fault with its line, all together."""

from pathlib import Path

import pytest

from gatewayctl import __version__
from gatewayctl.config.load import ConfigFault, load, parse
from gatewayctl.domain.errors import UsageFault

GOOD = """\
version: 1
platform: {kind: sandbox, world: sandbox.yaml}
gateway: {kind: envoy}
apps:
  orders:
    probe: {host: shop.example.com, path: /api/orders/health}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "gatewayctl.yaml"
    file.write_text(text)
    return file


def faults_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigFault) as caught:
        load(written(folder, text))
    assert caught.value.exit_code == 2
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_names_follow_from_the_application_by_convention(tmp_path):
    app = load(written(tmp_path, GOOD)).apps["orders"]

    assert (app.target.stable, app.target.canary) == ("orders", "orders-canary")
    assert (app.target.service, app.target.canary_service) == ("orders", "orders-canary")
    assert (app.header, app.value, app.standing) == ("x-canary", "", False)
    assert app.target.identify.header == "x-served-by"
    assert not app.target.fallback


def test_every_option_is_read(tmp_path):
    text = (
        GOOD
        + """\
    stable: orders-v1
    service: service_backend
    container: web
    fallback: stable
    route: standing
    header: {name: x-try, value: qa-1}
    identify: {pointer: /version}
    smoke:
      pytest: {path: smoke/orders, timeout: 5m, reruns: 1}
      locust: {file: smoke/load.py, users: 40, duration: 90s, slower: 2}
    timings: {ready: 250ms, drain: 1h}
"""
    )
    app = load(written(tmp_path, text)).apps["orders"]

    assert (app.target.stable, app.target.canary) == ("orders-v1", "orders-v1-canary")
    assert app.target.canary_service == "service_backend-canary"
    assert app.container == "web"
    assert app.target.fallback
    assert (app.header, app.value, app.standing) == ("x-try", "qa-1", True)
    assert app.target.identify.pointer == "/version"
    assert app.trial.suite
    assert (app.trial.suite.path, app.trial.suite.timeout) == (str(tmp_path / "smoke/orders"), 300.0)
    assert app.trial.load
    assert (app.trial.load.users, app.trial.load.duration, app.trial.load.slower) == (40, 90.0, 2)
    assert (app.trial.timings.ready, app.trial.timings.drain) == (0.25, 3600.0)


CLUSTER = GOOD.replace("{kind: sandbox, world: sandbox.yaml}", "{kind: kubernetes, namespace: shop}").replace(
    "{kind: envoy}",
    "{kind: envoy, namespace: gateway, replicas: {selector: app=gateway}, "
    "config: {configMap: gateway-routes, key: rds.yaml}, traffic: 8000, admin: 9901}",
)


def test_a_gateway_in_a_cluster_is_read_with_its_place(tmp_path):
    spec = load(written(tmp_path, CLUSTER))

    assert (spec.platform.kind, spec.platform.namespace, spec.platform.context) == ("kubernetes", "shop", "")
    assert (spec.gateway.namespace, spec.gateway.selector) == ("gateway", "app=gateway")
    assert (spec.gateway.config_map, spec.gateway.keys) == ("gateway-routes", ("rds.yaml",))
    assert (spec.gateway.traffic, spec.gateway.admin) == (8000, 9901)
    assert spec.text == CLUSTER


ROUTES = CLUSTER.replace("kind: envoy", "kind: httproute").replace(
    "config: {configMap: gateway-routes, key: rds.yaml}", "routes: [shop/orders, web/front.page]"
)


def test_a_gateway_whose_routes_are_objects_names_them(tmp_path):
    spec = load(written(tmp_path, ROUTES))

    assert spec.gateway.routes == ("shop/orders", "web/front.page")
    assert (spec.gateway.config_map, spec.gateway.keys) == ("", ())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (ROUTES.replace("kind: httproute", "kind: envoy"), "routes names HTTPRoutes: it goes with kind httproute"),
        (CLUSTER.replace("kind: envoy", "kind: httproute"), "expected routes, as namespace/name"),
        (ROUTES.replace("[shop/orders, web/front.page]", "[]"), "platform kubernetes needs gateway.routes"),
        (ROUTES.replace("web/front.page", "shop/orders"), "is named twice"),
        (ROUTES.replace("web/front.page", "front"), "gateway.routes"),
    ],
)
def test_routes_in_two_places_or_none_are_faults(tmp_path, text, fault):
    assert fault in " ".join(faults_of(tmp_path, text))


def test_a_gateway_lives_with_its_applications_unless_told_otherwise(tmp_path):
    spec = load(written(tmp_path, CLUSTER.replace("namespace: gateway, ", "")))

    assert spec.gateway.namespace == "shop"


TWO = """\
version: 1
platform: {kind: kubernetes, namespace: shop}
gateways:
  edge: {kind: envoy, replicas: {selector: app=edge}, config: {configMap: edge-routes, key: rds.yaml}}
  legacy: {kind: nginx, namespace: old, replicas: {selector: app=nginx}, config: {configMap: nginx, key: nginx.conf}}
apps:
  orders: {gateway: edge, probe: {host: shop.example.com}}
  billing: {gateway: legacy, probe: {host: old.example.com}}
  payments: {gateway: edge, probe: {host: shop.example.com}}
"""


def test_each_application_is_behind_the_gateway_it_names(tmp_path):
    spec = load(written(tmp_path, TWO))

    edge, legacy = spec.behind("payments"), spec.behind("billing")

    assert (edge.gateway.kind, list(edge.apps)) == ("envoy", ["orders", "payments"])
    assert (legacy.gateway.kind, legacy.gateway.namespace, list(legacy.apps)) == ("nginx", "old", ["billing"])
    assert spec.each() == (edge, legacy)
    assert edge.text == TWO


def test_with_several_gateways_nobody_is_given_just_one_of_them(tmp_path):
    spec = load(written(tmp_path, TWO))

    with pytest.raises(UsageFault, match="has 2 gateways"):
        _ = spec.gateway
    with pytest.raises(UsageFault, match="has no application stock"):
        spec.behind("stock")


def test_the_only_gateway_of_a_list_needs_no_naming(tmp_path):
    lines = [line.replace("gateway: edge, ", "") for line in TWO.splitlines() if "legacy" not in line]

    spec = load(written(tmp_path, "\n".join(lines)))

    assert spec.behind("orders") == spec
    assert spec.each() == (spec,)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            TWO.replace("orders: {gateway: edge, ", "orders: {").replace("gateway: legacy", "gateway: nginx"),
            [
                "gatewayctl.yaml:7: apps.orders: expected gateway: the one it is behind, of edge, legacy",
                "gatewayctl.yaml:8: apps.billing.gateway: expected one of edge, legacy",
            ],
        ),
        (
            CLUSTER.replace("    probe", "    gateway: edge\n    probe"),
            ["gatewayctl.yaml:6: apps.orders.gateway: there is only one gateway, and it has no name"],
        ),
        (
            TWO.replace("gateways:", "gateway: {kind: envoy}\ngateways:"),
            ["gatewayctl.yaml:1: file: expected exactly one of gateway and gateways"],
        ),
        (
            GOOD.replace("gateway: {kind: envoy}\n", ""),
            ["gatewayctl.yaml:1: file: expected exactly one of gateway and gateways"],
        ),
        (
            TWO.replace("{kind: kubernetes, namespace: shop}", "{kind: sandbox}"),
            [
                "gatewayctl.yaml:1: file: a sandbox has one gateway: rehearse each with a gatewayctl.yaml of its own",
            ],
        ),
        (
            TWO.replace("replicas: {selector: app=nginx}, ", ""),
            ["gatewayctl.yaml:1: file: platform kubernetes needs gateways.legacy.replicas.selector"],
        ),
    ],
)
def test_gateways_that_cannot_be_told_apart_are_faults(tmp_path, text, faults):
    assert faults_of(tmp_path, text) == faults


def test_a_canary_belongs_to_one_application(tmp_path):
    text = TWO.replace("billing: {", "billing: {stable: orders, ")

    assert faults_of(tmp_path, text) == [
        "gatewayctl.yaml:8: apps.billing: its canary orders-canary is the canary of orders"
    ]


def test_text_kept_elsewhere_is_the_same_configuration(tmp_path):
    file = written(tmp_path, CLUSTER)

    assert parse(CLUSTER, file) == load(file)


def test_all_faults_are_told_together_with_their_lines(tmp_path):
    text = """\
version: 2
platform: {kind: sandbox}
gateway: {kind: envoy, adminn: 9901}
apps:
  orders:
    probe: {host: shop.example.com, path: api}
    smoke:
      locust: {file: load.py, duration: 9 parsecs}
"""
    faults = faults_of(tmp_path, text)

    assert [fault.split(": ")[0] for fault in faults] == [
        "gatewayctl.yaml:1",
        "gatewayctl.yaml:3",
        "gatewayctl.yaml:6",
        "gatewayctl.yaml:8",
    ]
    assert "gatewayctl.yaml:3: gateway.adminn: unknown key" in faults
    assert "expected a duration such as 30s or 5m, got '9 parsecs'" in faults[3]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "gatewayctl.yaml:1: expected a mapping with version, platform, gateway and apps"),
        ("a: [1\n", "gatewayctl.yaml:2: not readable as YAML: expected ',' or ']'"),
        (GOOD + GOOD, "gatewayctl.yaml:7: version: given twice, first in line 1"),
        (
            GOOD.replace("kind: envoy", "kind: envoy, kind: nginx"),
            "gatewayctl.yaml:3: kind: given twice, first in line 3",
        ),
        (GOOD + "    route: standing\n", "a standing rule needs a fixed header value"),
        (GOOD + "    identify: {header: a, pointer: /b}\n", "expected exactly one of header and pointer"),
        (GOOD + "    header: {name: X_Canary}\n", "gatewayctl.yaml:7: apps.orders.header.name: "),
        (
            CLUSTER.replace(", namespace: shop", ""),
            "platform kubernetes needs platform.namespace",
        ),
        (
            CLUSTER.replace("replicas: {selector: app=gateway}, ", ""),
            "platform kubernetes needs gateway.replicas.selector",
        ),
        (CLUSTER.replace(", key: rds.yaml", ""), "gateway.config: expected exactly one of key and keys"),
        (GOOD.replace("kind: sandbox", "kind: nomad"), "gatewayctl.yaml:2: platform.kind: "),
        (GOOD.replace("    probe", "    prob"), "gatewayctl.yaml:5: apps.orders.probe: is missing"),
        (
            GOOD + "  orders-canary:\n    probe: {host: a}\n",
            "orders-canary is the canary of orders, not an application",
        ),
    ],
)
def test_a_fault_names_its_place_and_reason(tmp_path, text, fault):
    assert any(fault in line for line in faults_of(tmp_path, text)), faults_of(tmp_path, text)


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ConfigFault, match="there is no such file") as caught:
        load(tmp_path / "gatewayctl.yaml")
    assert "gatewayctl demo" in caught.value.hint


def test_a_file_that_is_not_text_is_refused(tmp_path):
    file = tmp_path / "gatewayctl.yaml"
    file.write_bytes(b"version: 1\n# caf\xe9\n")

    with pytest.raises(ConfigFault, match=r"gatewayctl\.yaml:2: not UTF-8 text"):
        load(file)


def test_a_folder_in_place_of_the_file_is_named_as_one(tmp_path):
    with pytest.raises(ConfigFault, match=r": cannot be read: Is a directory$"):
        load(tmp_path)


def test_a_device_without_an_end_is_not_read_to_its_end():
    with pytest.raises(ConfigFault, match=r"/dev/zero: larger than \d+ bytes"):
        load(Path("/dev/zero"))


# Nine times nine times nine: a few lines whose text would fill any memory.
ALIASES = "".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: &a [*a]\n", "gatewayctl.yaml:1: a: unknown key"),
        ("version: &a [*a]\n", "gatewayctl.yaml:1: version: Input should be 1, found "),
        (f"a0: &a0 [x]\n{ALIASES}version: *a9\n", "gatewayctl.yaml:11: version: Input should be 1, found "),
        ("a: " + "[" * 5000, "gatewayctl.yaml: not readable as YAML: nested too deep"),
    ],
    ids=["itself", "itself as a value", "aliases of aliases", "deep"],
)
def test_what_repeats_or_nests_without_end_is_refused_in_little_time(tmp_path, text, fault):
    assert any(fault in line for line in faults_of(tmp_path, text)), faults_of(tmp_path, text)


def test_jobs_run_this_version_as_the_account_of_the_manifests_unless_told_otherwise(tmp_path):
    usual = load(written(tmp_path, GOOD)).platform.runner
    runner = "runner: {image: 'registry.example/ours:2', account: releaser}"
    other = load(written(tmp_path, GOOD.replace("kind: sandbox,", f"kind: sandbox, {runner},"))).platform.runner

    assert (usual.image, usual.account) == (f"gatewayctl:{__version__}", "gatewayctl")
    assert (other.image, other.account) == ("registry.example/ours:2", "releaser")


def test_every_load_worker_has_a_user(tmp_path):
    smoke = "    smoke: {locust: {file: load.py, users: 2, workers: %d}}\n"

    assert load(written(tmp_path, GOOD + smoke % 2)).apps["orders"].trial.load.workers == 2
    assert any("3 workers share 2 users" in fault for fault in faults_of(tmp_path, GOOD + smoke % 3))
