"""Whole releases on real processes, by the command line, seen from outside."""

import json
import os
import pty
import re
import signal
import subprocess
import sys

import pytest

from gatewayctl.domain.platform import Probe
from gatewayctl.domain.routing import SourceFile
from gatewayctl.wiring.sandbox import sandbox_root
from tests.adapters.sandbox.rehearsal import Rehearsal
from tests.sandbox.shop import NEW, STABLE, Shop, spawn_command

pytestmark = pytest.mark.sandbox


@pytest.mark.shows("envoy", "promoted")
def test_a_good_canary_is_promoted(shop):
    done = shop.release(NEW)

    assert done.returncode == 0, done.stderr
    assert shop.is_promoted()
    steps = re.findall(r"^✓ (\S+)", done.stderr, re.MULTILINE)
    assert steps == [
        "preflight",
        "warm",
        "route",
        "leaks",
        "smoke",
        "load",
        "confirm",
        "promote",
        "unroute",
        "drain",
        "cool",
    ]
    assert "2/2 gateway replicas serve it" in done.stderr
    assert "\x1b" not in done.stderr  # no colours where there is no terminal


@pytest.mark.shows("envoy", "rejected")
@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("shop/orders:1.1-errors", "failed"),
        ("shop/orders:1.1-crash", "exited 1"),
        ("shop/orders:9.9", "shop/orders:9.9"),
    ],
)
def test_a_bad_canary_is_rejected_and_everything_is_as_before(shop, image, reason):
    done = shop.release(image, "-o", "json")

    assert done.returncode == 3, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert (result["outcome"], result["phase"]) == ("rejected", "done")
    assert reason in result["reason"]
    assert shop.is_as_before()


def test_the_stages_of_a_pipeline(shop):
    started = shop.read_json("start", "orders", "--image", NEW)
    assert (started["phase"], started["tested"]) == ("wait", False)

    seen = shop.read_json("status", "orders")["apps"][0]
    assert [replica["serves_rule"] for replica in seen["replicas"]] == [True, True]
    assert seen["next"] == ["gatewayctl smoke orders", "gatewayctl abort orders"]
    assert started["header"]["value"] in seen["curl"]
    assert shop.cli("route", "verify", "orders").returncode == 0

    replies = shop.read_json("curl", "orders", "/api/orders/items")["replies"]
    assert [reply["answered_by"] for reply in replies] == ["canary", "canary"]

    refused = shop.cli("promote", "orders")
    assert (refused.returncode, "has not passed its suites" in refused.stderr) == (2, True)

    named = ("orders", "--release", started["id"])
    assert shop.read_json("smoke", *named)["tested"] is True
    for command in ("promote", "abort"):
        other = shop.cli(command, "orders", "--release", "r-other")
        assert (other.returncode, f"in progress is {started['id']}" in other.stderr) == (5, True), other.stderr
    assert shop.read_json("promote", *named)["outcome"] == "promoted"
    assert shop.is_promoted()

    history = shop.read_json("history", "orders")["releases"]
    assert history[0]["id"] == started["id"]
    assert started["id"] in shop.cli("report", started["id"]).stdout


def test_a_second_release_of_the_same_application_is_a_conflict(shop):
    first = shop.read_json("start", "orders", "--image", NEW)

    second = shop.cli("release", "orders", "--image", NEW)

    assert second.returncode == 5
    assert first["id"] in second.stderr
    assert shop.cli("abort", "orders").returncode == 0
    assert shop.is_as_before()


def test_a_plan_writes_nothing_and_is_refused_after_drift(shop):
    plan = shop.folder / "plan.json"
    planned = shop.read_json("plan", "orders", "--image", NEW, "--save", str(plan))
    assert shop.is_as_before()
    assert [diff["name"] for diff in planned["diffs"]] == ["Deployment orders-canary", "rds.yaml", "Deployment orders"]
    assert plan.stat().st_mode & 0o077 == 0
    store = shop.wired.ports.gateway.store
    now = store.read()
    store.write((SourceFile("rds.yaml", now.files[0].text + "# a person was here\n"),), now)

    refused = shop.cli("release", "orders", "--plan", str(plan))

    assert refused.returncode == 5
    assert "rds.yaml: was sha256:" in refused.stderr


def test_one_fault_has_one_exit_code_in_doctor_plan_and_release(shop):
    first = shop.read_json("start", "orders", "--image", NEW)

    codes = {
        command: shop.cli(command, "orders", *words).returncode
        for command, words in (("doctor", ()), ("plan", ("--image", NEW)), ("release", ("--image", NEW)))
    }
    assert shop.cli("abort", "orders").returncode == 0

    assert codes == {"doctor": 5, "plan": 5, "release": 5}, first


def test_a_plan_that_release_refuses_is_not_shown(shop):
    planned = shop.cli("plan", "orders", "--image", STABLE)

    assert (planned.returncode, planned.stdout) == (2, "")
    assert "runs shop/orders:1.0 already" in planned.stderr


def test_a_saved_plan_is_carried_out_with_the_header_it_showed(shop):
    plan = shop.folder / "plan.json"
    planned = shop.read_json("plan", "orders", "--image", NEW, "--save", str(plan))

    ended = shop.read_json("release", "orders", "--plan", str(plan))

    assert ended["header"] == planned["header"]
    assert ended["phase"] == "wait"


def test_a_saved_plan_promotes_by_itself_where_the_command_says_so(shop):
    plan = shop.folder / "plan.json"
    shop.read_json("plan", "orders", "--image", NEW, "--save", str(plan))

    ended = shop.read_json("release", "orders", "--plan", str(plan), "--promote", "on-success")

    assert (ended["phase"], ended["outcome"], ended["mode"]) == ("done", "promoted", "on-success")


def test_a_persons_edit_during_the_release_survives(shop):
    shop.read_json("start", "orders", "--image", NEW)
    store = shop.wired.ports.gateway.store
    now = store.read()
    store.write((SourceFile("rds.yaml", now.files[0].text + "# a person was here\n"),), now)

    assert shop.cli("promote", "orders", "--untested").returncode == 0

    assert store.read().files[0].text == shop.first.files[0].text + "# a person was here\n"


def test_a_rule_that_leaks_fails_the_release_and_a_person_is_asked_while_it_does(shop):
    """After the first proofs a person adds a route that sends unmarked requests to the canary."""
    leak = '          - { match: { prefix: "/api/orders/health" }, route: { cluster: orders-canary } }\n'
    stable = '          - match: { prefix: "/api/orders/" }\n'
    store = shop.wired.ports.gateway.store
    shop.read_json("start", "orders", "--image", NEW)
    now = store.read()
    store.write((SourceFile("rds.yaml", now.files[0].text.replace(stable, leak + stable)),), now)
    shop.wait(lambda: "canary" in answering_pods(shop), "the leak to be live")

    refused = shop.cli("promote", "orders", "--untested")

    # The canary cannot be stopped while somebody's route sends everyone to it.
    assert refused.returncode == 6, refused.stdout + refused.stderr
    served = "2/2 gateway replicas serve it on 1 route"
    assert re.search(rf"✗ confirm +{served}; leaks \d+ leaks in \d+ probes", refused.stderr)
    assert "gatewayctl resume orders" in refused.stdout
    assert shop.wired.ports.workloads.read("orders-canary").ready == 1

    now = store.read()
    store.write((SourceFile("rds.yaml", now.files[0].text.replace(leak, "")),), now)
    assert shop.cli("resume", "orders").returncode == 3
    assert shop.is_as_before()


def answering_pods(shop: Shop) -> str:
    """The pods that answer an unmarked request, one for each replica."""
    probe = Probe("shop.example.com", "/api/orders/health")
    gateway = shop.wired.ports.gateway
    return " ".join(gateway.prober.ask(one, probe).headers.get("x-served-by", "") for one in gateway.replicas.list())


def test_abort_wins_over_a_process_that_drives_the_release(shop):
    with shop.spawn("release", "orders", "--image", NEW, "--promote", "on-success") as release:
        shop.wait(lambda: shop.phase() in ("smoke", "load"), "the suites")
        aborted = shop.cli("abort", "orders", "--reason", "wrong total")
        output, _ = release.communicate(timeout=60)

    assert aborted.returncode == 0, aborted.stdout + aborted.stderr
    assert release.returncode == 5, output
    assert "was taken over" in output
    assert shop.is_as_before()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_release_goes_back(shop, sent):
    with shop.spawn("release", "orders", "--image", NEW, "--promote", "on-success") as release:
        shop.wait(lambda: shop.phase() in ("smoke", "load"), "the suites")
        release.send_signal(sent)
        output, _ = release.communicate(timeout=60)

    assert release.returncode == 3, output
    assert "interrupted: going back" in output  # in a pipe, too
    assert shop.is_as_before()


def test_a_reader_that_goes_away_does_not_end_the_release(shop):
    """The case `gatewayctl release … | head`: the first lines are read, then nobody reads on."""
    words = ("release", "orders", "--image", NEW, "--promote", "on-success")
    with spawn_command(*words, cwd=shop.folder, env=shop.environment, stderr=subprocess.PIPE) as release:
        assert release.stdout is not None
        assert release.stderr is not None
        release.stderr.readline()
        release.stderr.close()
        release.stdout.close()

        assert release.wait(timeout=120) == 0
        release.stdout = release.stderr = None

    assert shop.is_promoted()


def test_a_release_without_stderr_is_a_release(shop):
    command = f'exec "{sys.executable}" -m gatewayctl release orders --image {NEW} --promote on-success 2>&-'
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=shop.folder,
        env=shop.environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout
    assert "was promoted" in done.stdout
    assert shop.is_promoted()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_gets_its_cursor_back(shop, sent):
    terminal, inner = pty.openpty()
    with spawn_command(
        "release", "orders", "--image", NEW, cwd=shop.folder, env={**shop.environment, "TERM": "xterm"}, stderr=inner
    ) as release:
        os.close(inner)
        shown = read_until(terminal, "smoke")
        release.send_signal(sent)
        shown += read_until(terminal, "")
        assert release.wait(timeout=60) == 3, shown
    os.close(terminal)

    assert HIDE_CURSOR in shown
    assert shown.rindex(SHOW_CURSOR) > shown.rindex(HIDE_CURSOR)
    assert "interrupted: going back" in shown


HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def read_until(terminal: int, word: str) -> str:
    """What a terminal shows until `word` is in it; all of it, where `word` is empty."""
    shown = ""
    while not word or word not in shown:
        try:
            text = os.read(terminal, 65536).decode(errors="replace")
        except OSError:  # EIO: the other end was closed
            break
        if not text:
            break
        shown += text
    assert word in shown, shown
    return shown


def test_a_gateway_replica_that_stays_lost_is_an_environment_fault_and_everything_is_as_before(shop):
    rehearsal = Rehearsal(sandbox_root(shop.wired.spec))
    try:
        with shop.spawn("release", "orders", "--image", NEW, "--promote", "on-success") as release:
            shop.wait(lambda: shop.phase() == "smoke", "the suite")
            rehearsal.hold("gateway-1")
            shop.wait(lambda: not replicas(shop)["gateway-1"].ready, "gateway-1 to be down")
            output, _ = release.communicate(timeout=120)
        assert release.returncode == 4, output
        assert "gateway-1: held down" in output
        refused = shop.cli("release", "orders", "--image", NEW)
        assert refused.returncode == 4
        assert "gateway replicas are down: gateway-1" in refused.stderr
    finally:
        rehearsal.let_go("gateway-1")
    shop.wait(lambda: replicas(shop)["gateway-1"].ready, "gateway-1 to be back")
    assert shop.is_as_before()


def replicas(shop: Shop):
    return {replica.name: replica for replica in shop.wired.ports.gateway.replicas.list()}


def another_config(shop: Shop, name: str, old: str, new: str) -> str:
    """A variant of the shop's configuration beside it, on the same sandbox."""
    text = shop.config.read_text()
    assert old in text
    file = shop.config.with_name(name)
    file.write_text(text.replace(old, new, 1))
    return str(file)


def test_a_suite_that_never_touches_the_canary_is_invalid_however_green(shop):
    folder = shop.folder / "vacuous"
    folder.mkdir(exist_ok=True)
    (folder / "test_nothing.py").write_text("def test_arithmetic():\n    assert 1 + 1 == 2\n")
    config = another_config(shop, "vacuous.yaml", "../smoke/orders}", "../vacuous}")

    done = shop.release(NEW, "--config", config)

    assert done.returncode == 7, done.stderr
    assert "could not be judged: invalid: " in done.stdout
    assert re.search(r"^\? smoke +invalid: ", done.stderr, re.MULTILINE)
    assert shop.is_as_before()


def test_a_standing_rule_outlives_its_release_and_serves_the_next(shop):
    per_release = "header: {name: x-canary, value: per-release}\n    route: per-release"
    standing = "header: {name: x-canary, value: always}\n    route: standing"
    config = another_config(shop, "standing.yaml", per_release, standing)
    release = ("release", "orders", "--promote", "on-success", "--config", config, "--image")

    first = shop.cli(*release, NEW)
    text = shop.wired.ports.gateway.store.read().files[0].text
    rejected = shop.cli(*release, "shop/orders:1.1-crash")

    assert first.returncode == 0, first.stderr
    assert '"always"' in text
    assert shop.wired.ports.workloads.read("orders").image == NEW
    assert shop.wired.ports.workloads.read("orders-canary").replicas == 0
    assert rejected.returncode == 3, rejected.stderr
    assert shop.wired.ports.gateway.store.read().files[0].text == text  # what was there before is not ours to end


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("release", "orders", "--image", "shop/orders:latest"), 2, "is not one build: the tag latest"),
        (("release", "orders", "--image", "shop/orders:1.0"), 2, "orders runs shop/orders:1.0 already"),
        (("release", "order", "--image", NEW), 2, "has no application order"),
        (("release", "orders"), 2, "name either --image or --plan"),
        (("release", "orders", "--plan", "no.json"), 2, "no.json: cannot be read"),
        (("promote", "orders"), 2, "orders has no release in progress"),
        (("report", "r-000000"), 2, "no release r-000000 is known"),
        (("curl", "orders"), 2, "no canary of orders is routed"),
    ],
)
def test_bad_input_has_an_error_of_its_own_and_changes_nothing(shop, words, code, reason):
    done = shop.cli(*words)

    assert done.returncode == code, done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert shop.is_as_before()
