"""A Job of ours: what ends it, what does not, and how little it may do."""

import itertools

from gatewayctl.adapters.kubernetes.client.names import APP
from gatewayctl.adapters.kubernetes.jobs.bundle import Bundle
from gatewayctl.adapters.kubernetes.jobs.manifest import CONTAINER, FILES, Task, files, job
from gatewayctl.cli.job import AGAIN
from gatewayctl.domain.errors import ExitCode

TASK = Task("gatewayctl-orders-r-1", "r-1", "shop", "gatewayctl:1", "ci", ("job", "orders"), "anna", 7200.5)
BUNDLE = Bundle("gatewayctl.yaml", (("gatewayctl.yaml", b"version: 1"), ("smoke/a.bin", b"\xff")))
MADE = {"metadata": {"name": TASK.name, "uid": "u-1"}}


def pod() -> dict:
    return job(TASK, BUNDLE)["spec"]["template"]["spec"]


def test_every_answer_of_a_release_ends_the_job_and_a_lost_pod_does_not():
    rules = job(TASK, BUNDLE)["spec"]["podFailurePolicy"]["rules"]
    ends = [rule["onExitCodes"] for rule in rules if rule["action"] == "FailJob"]

    assert [one["containerName"] for one in ends] == [CONTAINER] == [one["name"] for one in pod()["containers"]]
    assert set(ends[0]["values"]) == set(ExitCode) - {ExitCode.DONE}
    assert not {AGAIN, 137, 143} & set(ends[0]["values"])
    assert pod()["restartPolicy"] == "Never"  # what a policy by exit codes asks for


def test_it_ends_by_itself_and_is_taken_away_with_its_files():
    made = job(TASK, BUNDLE)["spec"]

    assert made["activeDeadlineSeconds"] == 7201
    assert made["ttlSecondsAfterFinished"] > 0
    assert files(TASK, BUNDLE, MADE)["metadata"]["ownerReferences"][0]["uid"] == "u-1"


def test_it_is_allowed_what_the_restricted_standard_allows():
    container = pod()["containers"][0]["securityContext"]

    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert container["readOnlyRootFilesystem"] is True


def test_its_volume_holds_every_file_at_its_path():
    held = files(TASK, BUNDLE, MADE)
    volume = next(one for one in pod()["volumes"] if one["name"] == "release")

    assert {one["key"] for one in volume["configMap"]["items"]} == held["data"].keys() | held["binaryData"].keys()
    assert [one["path"] for one in volume["configMap"]["items"]] == ["gatewayctl.yaml", "smoke/a.bin"]
    assert {"name": "release", "mountPath": FILES, "readOnly": True} in pod()["containers"][0]["volumeMounts"]


def test_nothing_of_it_looks_like_a_journal():
    """Journals are found by the application's label."""
    made = job(TASK, BUNDLE)
    labelled = (made["metadata"], made["spec"]["template"]["metadata"], files(TASK, BUNDLE, MADE)["metadata"])

    assert all(APP not in one["labels"] for one in labelled)
    assert all(itertools.starmap(lambda _key, value: len(value) < 64, labelled[0]["labels"].items()))


def test_services_of_the_namespace_add_no_variables_to_it():
    assert pod()["enableServiceLinks"] is False
