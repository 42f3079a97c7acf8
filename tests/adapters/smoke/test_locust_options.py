"""Options of locust from files, variables and the team's own arguments: the mode of a run is always the release's."""

import json
import subprocess
import sys

import pytest

from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.load_verdicts import judge_load
from gatewayctl.domain.locust_options import refuse_argument
from gatewayctl.domain.trial import Load
from tests.adapters.smoke.gateway import HEADER

LIMITS = Load(file="locustfile.py", slack=1.0, samples=10)

TWO_CLASSES = """
    from locust import HttpUser, constant, events, tag, task

    @events.init_command_line_parser.add_listener
    def add(parser):
        parser.add_argument("--page", default="/nothing", env_var="LOCUST_PAGE")

    class Visitor(HttpUser):
        wait_time = constant(0.01)

        @task
        def look(self):
            self.client.get(self.environment.parsed_options.page)

        @tag("slow")
        @task
        def wait_long(self):
            self.client.get("/slow")

    class Buyer(HttpUser):
        wait_time = constant(0.01)

        @task
        def buy(self):
            self.client.post("/buy")
"""
MODE = """\
master = true
expect-workers = 3
users = 1
run-time = 1h
host = http://127.0.0.1:9
headless = false
web-port = 1
exit-code-on-error = 9
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder in which locust looks for its files."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


LISTED = """
import json
from gatewayctl.child_process.locust_options import _fixed, _parser
parser = _parser()
fixed = [option.option_strings for option in _fixed(parser)]
print(json.dumps([fixed, [one.option_strings for one in parser._actions if one.option_strings not in fixed]]))
"""


def test_the_options_that_the_configuration_refuses_are_those_of_the_installed_locust():
    listed = subprocess.run([sys.executable, "-c", LISTED], capture_output=True, text=True, check=True).stdout
    fixed, theirs = ([name for names in part for name in names] for part in json.loads(listed.splitlines()[-1]))

    assert len(fixed) > 40
    assert [name for name in fixed if not refuse_argument((name,))] == []
    assert [name for name in theirs if refuse_argument((name,))] == []


def pages(gateway) -> set[str]:
    return {seen.path for seen in gateway.seen}


def test_a_locust_conf_changes_nothing_of_the_mode(folder, gateway, run_load, evidence):
    (folder / "locust.conf").write_text(MODE + "exclude-tags = slow\npage = /items\n")
    result = run_load(TWO_CLASSES, enough=10)

    assert judge_load(result, LIMITS).verdict is Verdict.PASS, judge_load(result, LIMITS)
    assert pages(gateway) == {"/items", "/buy"}  # tags and options of the locustfile are the team's
    log = (evidence / "locust.log").read_text()
    assert "locust.conf: ignored: exit-code-on-error, expect-workers, headless, host, master, run-time, users, " in log


def test_a_pyproject_changes_nothing_of_the_mode(folder, run_load):
    (folder / "pyproject.toml").write_text("[tool.locust]\nworker = true\nprocesses = 4\nhost = 'http://127.0.0.1:9'\n")
    result = run_load(TWO_CLASSES, enough=10, args=("--page", "/items"))

    assert judge_load(result, LIMITS).verdict is Verdict.PASS, judge_load(result, LIMITS)


@pytest.mark.parametrize("workers", [0, 2])
def test_variables_change_nothing_of_the_mode(gateway, run_load, monkeypatch, workers):
    ours = {
        "LOCUST_WEB_PORT": "tcp://10.0.0.1:80",  # of a Service called `locust-web`
        "LOCUST_MODE_MASTER": "true",
        "LOCUST_EXPECT_WORKERS": "7",
        "LOCUST_USERS": "1",
        "LOCUST_RUN_TIME": "1h",
        "LOCUST_HOST": "http://127.0.0.1:9",
        "LOCUST_LOCUSTFILE": "other.py",
        "LOCUST_LOGFILE": "/nowhere/at/all",
    }
    for name, value in {**ours, "LOCUST_PAGE": "/items", "LOCUST_EXCLUDE_TAGS": "slow"}.items():
        monkeypatch.setenv(name, value)
    result = run_load(TWO_CLASSES, enough=10, workers=workers)

    assert judge_load(result, LIMITS).verdict is Verdict.PASS, judge_load(result, LIMITS)
    assert pages(gateway) == {"/items", "/buy"}


@pytest.mark.parametrize("workers", [0, 2])
def test_arguments_reach_the_locustfile(gateway, run_load, workers):
    run_load(TWO_CLASSES, enough=10, workers=workers, args=("--page", "/items", "--exclude-tags", "slow"))

    assert pages(gateway) == {"/items", "/buy"}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--master",), "smoke.locust.args: the release decides --master: remove it there"),
        (("--page", "/items", "-u", "3", "--host=http://x"), "the release decides --host, --users: remove it there"),
        (("--web-p", "80"), "the release decides --web-port"),  # locust takes the start of a name, too
        (("--unknown", "3"), "unrecognized arguments: --unknown"),
        # Locust's hint alone would not say which option is wrong.
        (("--pagee", "/items"), "unrecognized arguments: --pagee Did you mean '--page'?"),
    ],
)
def test_arguments_that_change_the_mode_are_refused(gateway, run_load, args, words):
    judgement = judge_load(run_load(TWO_CLASSES, args=args), LIMITS)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert words in judgement.text
    assert not gateway.seen


@pytest.mark.parametrize("workers", [0, 2])
def test_users_are_those_of_each_class(gateway, run_load, workers):
    unused = "class Unused(HttpUser):\n        tasks = [lambda user: user.client.get('/unused')]\n\n    class Buyer"
    users = {"users": 8, "classes": (("Visitor", 6), ("Buyer", 2))}
    run_load(TWO_CLASSES.replace("class Buyer", unused), enough=10, workers=workers, args=("--page", "/items"), **users)

    assert pages(gateway) == {"/items", "/slow", "/buy"}
    assert {seen.mark for seen in gateway.seen if seen.path == "/buy"} == {"", HEADER.value}


def test_an_unknown_class_is_named(run_load):
    judgement = judge_load(run_load(TWO_CLASSES, classes=(("Nobody", 8),)), LIMITS)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "Nobody" in judgement.text
