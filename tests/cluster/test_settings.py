"""A cluster's settings name its own places only, keep secrets to themselves, and wait with a deadline."""

import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster import access, certificates, components, inside, readiness
from tests.cluster.place import API_SERVER, ENTERED, SERVICE_ADDRESS, Cluster, a_cluster
from tests.cluster.programs import PROGRAMS
from tests.cluster.readiness import Api, NotYet

MAKERS = (
    components.etcd,
    components.apiserver,
    components.controller_manager,
    components.scheduler,
    components.kubelet,
    components.proxy,
    components.dns,
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    made = a_cluster("trial", tmp_path_factory.mktemp("project"))
    certificates.create(made)
    access.create(made)
    return made


def secrets_of(cluster: Cluster) -> list[str]:
    return [line.split(",")[0] for line in access.tokens(cluster).read_text().splitlines()]


def test_every_component_is_a_program_that_is_built(cluster):
    built = {program.name for program in PROGRAMS}

    assert {make(cluster).name for make in MAKERS} == built - {"kubectl", "pause"}


def test_no_secret_stands_on_a_command_line(cluster):
    tokens = secrets_of(cluster)
    words = " ".join(word for make in MAKERS for word in make(cluster).command)

    assert len(set(tokens)) == len(access.IDENTITIES)
    assert not any(token in words for token in tokens)


def test_tokens_and_keys_may_be_read_by_their_owner_alone(cluster):
    files = [access.tokens(cluster), *(access.kubeconfig(cluster, who.component) for who in access.IDENTITIES)]

    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(cluster.pki.stat().st_mode) == 0o700


def test_the_api_server_s_certificate_is_good_for_its_addresses_and_signed_by_the_authority(cluster):
    verified = subprocess.run(
        ["openssl", "verify", "-CAfile", "ca.crt", "-verify_ip", SERVICE_ADDRESS, "apiserver.crt"],  # noqa: S607
        cwd=cluster.pki,
        capture_output=True,
        text=True,
    )

    assert verified.stdout == "apiserver.crt: OK\n", verified.stderr


def test_the_administrator_s_kubeconfig_leads_to_the_api_server(cluster):
    api = readiness.api_of(cluster.kubeconfig)

    assert api.address == API_SERVER
    assert api.token == secrets_of(cluster)[0]
    assert api.authority == (cluster.pki / "ca.crt").read_bytes()


def test_the_kubelet_s_places_and_its_cgroup_carry_the_cluster_s_name(cluster):
    command = components.kubelet(cluster).command
    settings = yaml.safe_load((cluster.settings / "kubelet.yaml").read_text())

    assert f"--root-dir={cluster.lib}/kubelet" in command
    assert settings["cgroupRoot"] == f"/{cluster.ident}"
    assert settings["containerRuntimeEndpoint"] == f"unix://{cluster.socket}"
    assert Path(settings["podLogsDir"]).is_relative_to(cluster.lib)


def test_a_command_inside_has_the_kubeconfig_our_kubectl_first_and_no_proxy(cluster):
    around = {"PATH": "/usr/bin", "HTTPS_PROXY": "http://proxy:1", "no_proxy": "x", "KUBECONFIG": "/other", "LANG": "C"}

    found = inside.environment(cluster, around)

    assert found["KUBECONFIG"] == str(cluster.kubeconfig)
    assert found[ENTERED] == str(cluster.folder)
    assert found["PATH"].endswith(":/usr/bin")
    assert found["LANG"] == "C"
    assert not {"HTTPS_PROXY", "no_proxy"} & found.keys()


def test_waiting_ends_as_soon_as_it_is_ready():
    answers = iter(["it has not started", "it starts", ""])

    def question(api: Api) -> None:
        news = next(answers)
        if news:
            raise NotYet(news)

    assert readiness.wait(question, Api("", b"", ""), 60) == ""
    assert list(answers) == []


def test_waiting_too_long_says_what_was_found_last():
    def question(api: Api) -> None:
        raise NotYet("the node is not ready")

    assert readiness.wait(question, Api("", b"", ""), 0) == "the node is not ready"


def test_an_api_server_that_is_not_there_is_not_ready(cluster):
    unreachable = Api("https://127.0.0.1:1", (cluster.pki / "ca.crt").read_bytes(), "x")

    with pytest.raises(NotYet, match="does not answer"):
        readiness.api_ready(unreachable)
