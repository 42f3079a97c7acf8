"""gatewayctl.yaml: its conventions and options, and all its faults together, each with its line."""

from pathlib import Path

import pytest

from gatewayctl import __version__
from gatewayctl.config.load import ConfigFault, load, parse
from gatewayctl.domain.unproven import Unproven
from tests.config.files import CLUSTER, GOOD, faults_of, write_config


def test_names_follow_from_the_application_by_convention(tmp_path):
    app = load(write_config(tmp_path, GOOD)).apps["orders"]

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
      pytest: {path: smoke/orders, timeout: 5m, reruns: 1, unproven: {test_sum.py: only arithmetic}}
      locust: {file: smoke/load.py, users: 40, duration: 90s, slower: 2}
    timings: {ready: 250ms, drain: 1h}
"""
    )
    app = load(write_config(tmp_path, text)).apps["orders"]

    assert (app.target.stable, app.target.canary) == ("orders-v1", "orders-v1-canary")
    assert app.target.canary_service == "service_backend-canary"
    assert app.container == "web"
    assert app.target.fallback
    assert (app.header, app.value, app.standing) == ("x-try", "qa-1", True)
    assert app.target.identify.pointer == "/version"
    assert app.trial.suite
    assert (app.trial.suite.path, app.trial.suite.timeout) == (str(tmp_path / "smoke/orders"), 300.0)
    assert app.trial.suite.unproven == (Unproven("test_sum.py", "only arithmetic"),)
    assert app.trial.load
    assert (app.trial.load.users, app.trial.load.duration, app.trial.load.slower) == (40, 90.0, 2)
    assert (app.trial.timings.ready, app.trial.timings.drain) == (0.25, 3600.0)


@pytest.mark.parametrize(
    "unproven", ["{test_sum.py: ' '}", "{'::test_sum': arithmetic}", "{/smoke: arithmetic}", "[a]"]
)
def test_tests_that_need_no_answer_have_a_file_and_a_reason(tmp_path, unproven):
    text = GOOD + f"    smoke:\n      pytest: {{path: smoke/orders, unproven: {unproven}}}\n"

    with pytest.raises(ConfigFault, match="unproven"):
        load(write_config(tmp_path, text))


def test_text_kept_elsewhere_is_the_same_configuration(tmp_path):
    file = write_config(tmp_path, CLUSTER)

    assert parse(CLUSTER, file) == load(file)


def test_all_faults_are_reported_together_with_their_lines(tmp_path):
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


def test_a_file_with_another_fault_gets_no_hint_about_a_missing_one(tmp_path):
    folder = tmp_path / "no such file"
    folder.mkdir()

    with pytest.raises(ConfigFault, match="Is a directory") as caught:
        load(folder)

    assert caught.value.hint == ""


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


# Nine lists of nine, nine levels deep: a few lines whose text would fill any memory.
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


def test_jobs_run_this_version_as_the_account_of_the_manifests_by_default(tmp_path):
    usual = load(write_config(tmp_path, GOOD)).platform.runner
    runner = "runner: {image: 'registry.example/ours:2', account: releaser}"
    other = load(write_config(tmp_path, GOOD.replace("kind: sandbox,", f"kind: sandbox, {runner},"))).platform.runner

    assert (usual.image, usual.account) == (f"gatewayctl:{__version__}", "gatewayctl")
    assert (other.image, other.account) == ("registry.example/ours:2", "releaser")


def test_every_load_worker_has_a_user(tmp_path):
    smoke = "    smoke: {locust: {file: load.py, users: 2, workers: %d}}\n"

    assert load(write_config(tmp_path, GOOD + smoke % 2)).apps["orders"].trial.load.workers == 2
    assert any("3 workers share 2 users" in fault for fault in faults_of(tmp_path, GOOD + smoke % 3))
