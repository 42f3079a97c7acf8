"""gatewayctl.yaml: its conventions and options, and all its faults together, each with its line."""

from pathlib import Path

import pytest

from gatewayctl import __version__
from gatewayctl.config.load import ConfigFault, load, parse, parse_kept
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


PYTEST = """\
    smoke:
      pytest:
        path: smoke
        python: .venv
        args: [-m, smoke, -n, 4]
        env: {SHOP_PASSWORD: hunter2!, SHOP_PORT: 8080, SHOP_TOKEN: }
"""


def test_the_python_the_arguments_and_the_variables_of_a_suite_are_read(tmp_path):
    app = load(write_config(tmp_path, GOOD + PYTEST)).apps["orders"]
    suite, settings = app.trial.suite, app.suite_settings

    assert suite
    assert (suite.python, suite.args) == (str(tmp_path / ".venv"), ("-m", "smoke", "-n", "4"))
    assert suite.env == ("SHOP_PASSWORD", "SHOP_PORT", "SHOP_TOKEN")
    assert settings.variables == {"SHOP_PASSWORD": "hunter2!", "SHOP_PORT": "8080"}
    line = (GOOD + PYTEST).splitlines().index("        python: .venv") + 1
    assert settings.place("python") == f"{tmp_path}/gatewayctl.yaml:{line}: apps.orders.smoke.pytest.python"


def test_what_others_keep_of_the_file_has_no_values_of_variables(tmp_path):
    file = write_config(tmp_path, GOOD + PYTEST)
    here = load(file)
    elsewhere = parse(here.text, file)

    assert "hunter2!" not in here.text + repr(here)
    assert elsewhere.apps["orders"].trial == here.apps["orders"].trial
    assert elsewhere.apps["orders"].suite_settings.variables == {}
    assert (elsewhere.platform, elsewhere.gateways) == (here.platform, here.gateways)
    assert load(write_config(tmp_path, GOOD)).text == GOOD


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("args: -n 4", "args: expected a list such as [-m, smoke, -n, 4]"),
        ("args: [--junitxml=x]", "args: not possible here: --junitxml: gatewayctl writes the JUnit file"),
        ("env: {GATEWAYCTL_HOST: secret}", "env: not possible here: GATEWAYCTL_HOST: gatewayctl sets it"),
        ("env: {A: [secret]}", "env: A: expected a text; write it in quotes"),
        ("env: {A: true}", "env: A: expected a text; write it in quotes"),
        ("env: [A=secret]", "env: expected a mapping of names and values"),
        ("env: A=secret", "env: expected a mapping of names and values"),
    ],
)
def test_wrong_arguments_and_variables_are_told_without_values(tmp_path, given, reason):
    faults = faults_of(tmp_path, GOOD + f"    smoke:\n      pytest:\n        path: smoke\n        {given}\n")

    assert [fault for fault in faults if reason in fault], faults
    assert "secret" not in str(faults)


@pytest.mark.parametrize("args", ["[--users, 5]", "[--item, 3, --headless]", "[-u5]"])
def test_options_of_locust_that_the_release_decides_are_refused_before_anything_starts(tmp_path, args):
    text = GOOD + f"    smoke:\n      locust:\n        file: load.py\n        args: {args}\n"

    (fault,) = faults_of(tmp_path, text)

    line = len(text.splitlines())
    assert fault.startswith(f"gatewayctl.yaml:{line}: "), fault
    assert "smoke.locust.args: not possible here" in fault
    assert "the release decides" in fault


def test_arguments_of_locust_may_be_numbers(tmp_path):
    app = load(write_config(tmp_path, GOOD + LOCUST % "users: 4, args: [--item, 3]")).apps["orders"]

    assert app.trial.load
    assert app.trial.load.args == ("--item", "3")


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
    assert "expected a duration such as 30s or 5m, found '9 parsecs'" in faults[3]


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
            GOOD + "    timings: {ready: 25}\n",
            "gatewayctl.yaml:7: apps.orders.timings.ready: expected a duration with its",
        ),
        (
            GOOD + "    timings: {ready: true}\n",
            "apps.orders.timings.ready: expected a duration such as 30s or 5m, found",
        ),
        (
            GOOD + "    smoke: {locust: {file: l.py, slack: 25}}\n",
            "slack: expected a duration with its unit, such as 25s or 25ms",
        ),
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


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("host", "it has a meaning of its own in requests"),
        *(
            (name, "a meaning of its own")
            for name in ("cookie", "authorization", "content-length", "if-match", "sec-gpc")
        ),
        *((name, "belongs to one connection") for name in ("connection", "transfer-encoding", "te", "upgrade")),
        *(
            (name, "gateways write or remove it")
            for name in ("via", "forwarded", "x-forwarded-for", "x-envoy-retry-on")
        ),
        ("x-gatewayctl-release", "gatewayctl itself marks answers with it"),
    ],
)
def test_a_header_that_cannot_mark_requests_is_refused_with_the_reason(tmp_path: Path, name: str, why: str) -> None:
    path = tmp_path / "gatewayctl.yaml"
    path.write_text(f"{GOOD}    header: {{name: {name}}}\n")

    with pytest.raises(
        ConfigFault, match=rf"gatewayctl.yaml:7: apps.orders.header.name: cannot mark requests: .*{why}"
    ):
        load(path)


def test_a_file_that_an_older_release_left_is_still_read() -> None:
    text = f"{GOOD}    header: {{name: via}}\n    timings: {{ready: 25}}\n"

    kept = parse_kept(text, Path("kept"))

    assert (kept.apps["orders"].header, kept.apps["orders"].trial.timings.ready) == ("via", 25.0)
    with pytest.raises(ConfigFault, match="with its unit"):
        parse(text, Path("written"))


LOCUST = "    smoke: {locust: {file: load.py, %s}}\n"


def test_users_may_be_counted_by_class(tmp_path):
    trial = (
        load(write_config(tmp_path, GOOD + LOCUST % "users: {Visitor: 8, Buyer: 2}, args: [--tags, fast]"))
        .apps["orders"]
        .trial
    )

    assert trial.load
    assert (trial.load.users, trial.load.classes) == (10, (("Visitor", 8), ("Buyer", 2)))
    assert trial.load.args == ("--tags", "fast")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("users: 1", "expected 2 (one for each version) to 100,000 users, got 1"),
        ("users: {Visitor: 1}", "expected 2 (one for each version) to 100,000 users, got 1"),
        ("users: many", "expected a number such as 20, or user classes such as {Visitor: 15, Buyer: 5}, got 'many'"),
        ("users: {Visitor: 8.5}", "expected a number such as 20, or user classes"),
        ("users: {a b: 8}", "expected a number such as 20, or user classes"),
        ("duration: 10m, max_duration: 5m", "max_duration is shorter than duration, 300 s and 600 s"),
    ],
)
def test_a_load_that_cannot_run_as_written_is_one_fault(tmp_path, keys, words):
    [fault] = faults_of(tmp_path, GOOD + LOCUST % keys)

    assert words in fault


def test_a_long_load_needs_no_limit_of_its_own(tmp_path):
    trial = load(write_config(tmp_path, GOOD + LOCUST % "duration: 10m")).apps["orders"].trial

    assert trial.load
    assert trial.load.duration == 600.0
