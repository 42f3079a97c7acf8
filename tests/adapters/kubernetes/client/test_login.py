"""Logins of a kubeconfig: one that fails is told in its own words, and no secret is ever shown."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.adapters.kubernetes.client.login import LoginFailed
from gatewayctl.domain.errors import EnvironmentFailed, ExitCode, Transient
from tests.adapters.kubernetes.fake_api.http import Reply, Request, kubeconfig, serving

PATH = "/api/v1/namespaces/shop/configmaps/routes"
SECRET = "s3cr3t-0f-nobody"  # noqa: S105  # a word that no message may hold
ONE_CONTEXT = "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]"
A_CLUSTER = "clusters: [{name: c, cluster: {server: 'https://h'}}]"
A_USER = f"users: [{{name: u, user: {{client-certificate: /dev/null, client-key: '-----BEGIN KEY-----\\n{SECRET}'}}}}]"
VERSION = "client.authentication.k8s.io/v1"


class Server:
    """Keeps the logins that came."""

    def __init__(self) -> None:
        self.logins: list[str] = []

    def answer(self, request: Request) -> Reply:
        self.logins.append(request.headers.get("authorization", "none"))
        return Reply(body={"kind": "ConfigMap"})


def change(path: Path | str, user: object = None, **cluster: object) -> str:
    """Give the only user of a kubeconfig another login, and its cluster more keys."""
    content = yaml.safe_load(Path(path).read_text())
    if user is not None:
        content["users"][0]["user"] = user
    content["clusters"][0]["cluster"].update(cluster)
    Path(path).write_text(yaml.safe_dump(content))
    return str(path)


def a_plugin(folder: Path, script: str, **more: object) -> dict[str, Any]:
    """A login by a program with this script."""
    program = folder / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"exec": {"apiVersion": VERSION, "command": str(program), **more}}


def a_credential(**status: object) -> str:
    return json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status})


def ask(server: Server, folder: Path, user: object) -> None:
    """Send one request with this login."""
    with serving(server.answer, folder) as path:
        api = connect(file=change(path, user))
        api.get(PATH)
        api.client.rest_client.close()


def a_token_file(folder: Path, content: str) -> dict[str, str]:
    (folder / "token").write_text(content)
    return {"tokenFile": str(folder / "token")}


@pytest.mark.parametrize(
    "login",
    [
        lambda folder: a_token_file(folder, f"{SECRET}\n"),
        lambda folder: a_token_file(folder, f" {SECRET}\r\n\n"),
        lambda _: {"token": f"{SECRET}\n"},
        lambda folder: a_plugin(folder, f"cat <<'END'\n{a_credential(token=SECRET + chr(10))}\nEND"),
    ],
    ids=["file", "file of Windows", "token", "plugin"],
)
def test_a_token_is_sent_without_the_line_end_of_its_file(tmp_path: Path, login: Callable[[Path], object]) -> None:
    server = Server()

    ask(server, tmp_path, login(tmp_path))

    assert server.logins == [f"Bearer {SECRET}"]


def test_the_token_of_a_pod_is_sent_without_its_line_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gatewayctl.adapters.kubernetes.client.kubeconfig import find_access

    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    for name, text in (("token", "of-the-pod\n"), ("ca.crt", "a certificate")):
        (tmp_path / name).write_text(text)

    found = find_access(account=tmp_path).settings

    # Asked twice: the library reads the file again when the token is asked for.
    assert [found.auth_settings()["BearerToken"]["value"] for _ in range(2)] == ["bearer of-the-pod"] * 2


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'SSO session has ended: run aws sso login' >&2; exit 255", "SSO session has ended: run aws sso login"),
        (f"echo '{SECRET}'", "failed to decode process output"),
        (f"echo '{a_credential(secret=SECRET)}'", "missing token or clientCertificateData"),
        (f"echo '{a_credential(clientCertificateData=SECRET)}'", "missing clientKeyData"),
        (
            f'echo \'{{"apiVersion": "v1beta1", "kind": "x", "status": {{"token": "{SECRET}"}}}}\'',
            "api version v1beta1",
        ),
    ],
    ids=["fails", "no JSON", "no token", "half a certificate", "another version"],
)
def test_a_login_plugin_that_fails_ends_the_command_with_its_own_words(
    tmp_path: Path, script: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    server = Server()

    with pytest.raises(EnvironmentFailed) as caught:
        ask(server, tmp_path, a_plugin(tmp_path, script))

    assert caught.value.exit_code is ExitCode.ENVIRONMENT
    assert words in str(caught.value)
    assert not server.logins, "a request without a login was sent"
    assert SECRET not in str(caught.value) + "".join(capfd.readouterr())
    assert len(str(caught.value).splitlines()) == 1


def test_a_login_plugin_that_is_not_installed_is_named(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": VERSION, "command": "aws-iam-authenticator-of-nobody"}}

    with pytest.raises(EnvironmentFailed, match="aws-iam-authenticator-of-nobody"):
        ask(Server(), tmp_path, user)


def test_a_login_that_expires_is_renewed_and_a_plugin_that_fails_then_is_told(tmp_path: Path) -> None:
    server = Server()
    said = a_credential(token=SECRET, expirationTimestamp="2020-01-01T00:00:00Z")
    again = f"test -e {tmp_path}/over && {{ echo 'the session is over' >&2; exit 1; }}\ncat <<'END'\n{said}\nEND"
    with serving(server.answer, tmp_path) as path:
        api = connect(file=change(path, a_plugin(tmp_path, again)))
        api.get(PATH)
        api.get(PATH)
        (tmp_path / "over").touch()
        for _ in range(2):
            with pytest.raises(LoginFailed, match="the session is over") as caught:
                api.get(PATH)
        (tmp_path / "over").unlink()
        api.get(PATH)
        api.client.rest_client.close()

    assert isinstance(caught.value, Transient), "a release must survive a login server that is away for a moment"
    assert server.logins == [f"Bearer {SECRET}"] * 3


class SeenByOthers(dict[str, str]):
    """The logins of the settings, as other threads may see them at any moment."""

    def __init__(self, logins: dict[str, str]) -> None:
        super().__init__(logins)
        self.seen = [*logins.values()]

    def __setitem__(self, key: str, login: str) -> None:
        self.seen.append(login)
        super().__setitem__(key, login)

    def pop(self, key: str, *default: str) -> str:
        self.seen.append("no login at all")
        return super().pop(key, *default)


def test_a_renewal_never_takes_the_login_from_requests_of_other_threads(tmp_path: Path) -> None:
    """It happens before each request: for a moment others had none, and were refused as system:anonymous."""
    server = Server()
    token = tmp_path / "token"
    token.write_text(f"{SECRET}\n")
    with serving(server.answer, tmp_path) as path:
        api = connect(file=change(path, {"tokenFile": str(token)}))
        settings = api.client.configuration
        settings.api_key = logins = SeenByOthers(settings.api_key)
        api.get(PATH)
        api.get(PATH)
        api.client.rest_client.close()

    assert set(logins.seen) == {f"Bearer {SECRET}"}
    assert server.logins == [f"Bearer {SECRET}"] * 2


def an_id_token(expires: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires}).encode()).rstrip(b"=").decode()
    return f"e30.{claims}.{SECRET}"


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"auth-provider": {"name": "gcp"}}, "auth-provider gcp is no longer supported"),
        ({"auth-provider": {"name": "azure", "config": {"access-token": SECRET}}}, "auth-provider azure is no longer"),
        ({"auth-provider": {"name": "oidc", "config": {"id-token": an_id_token(1)}}}, "oidc has expired"),
        ({"auth-provider": {"name": "oidc", "config": {"client-secret": SECRET}}}, "Expected key id-token"),
        ({"token": SECRET, "as": "admin"}, "act as somebody else"),
        ({"token": f"{SECRET}\n{SECRET}"}, "no HTTP header can carry"),
        ({"token": f"{SECRET}…"}, "no HTTP header can carry"),
        ({"token": " \n"}, "no login comes of it"),
        ({"tokenFile": "/dev/null"}, "user has tokenFile"),
        ({"username": "ci", "token": ""}, "user has token and username"),
        ({"exec": {"command": None, "apiVersion": VERSION, "args": [SECRET]}}, "Expected key command"),
        ([SECRET], "not a kubeconfig"),
        ({"tokenFile": "/no/such/file"}, "/no/such/file"),
    ],
)
def test_a_login_that_would_be_passed_over_is_told_in_one_line(tmp_path: Path, user: object, words: str) -> None:
    server = Server()

    with pytest.raises(EnvironmentFailed) as caught:
        ask(server, tmp_path, user)

    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert SECRET not in f"{caught.value}{caught.value.hint}"
    assert len(str(caught.value).splitlines()) == 1
    assert not server.logins


def test_an_id_token_that_is_valid_is_used(tmp_path: Path) -> None:
    server, token = Server(), an_id_token(time.time() + 3600)

    ask(server, tmp_path, {"auth-provider": {"name": "oidc", "config": {"id-token": token}}})

    assert server.logins == [f"Bearer {token}"]


def test_a_user_that_is_not_there_is_no_login_without_a_name(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://10.0.0.1:6443", "t")
    content = yaml.safe_load(path.read_text())
    content["contexts"][0]["context"]["user"] = "nobody"
    path.write_text(yaml.safe_dump(content))

    with pytest.raises(EnvironmentFailed, match="there is no user nobody"):
        connect(file=str(path))


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
def test_a_socks_proxy_is_refused_in_one_line_without_its_password(tmp_path: Path, scheme: str) -> None:
    path = kubeconfig(tmp_path, "https://10.0.0.1:6443", "t", **{"proxy-url": f"{scheme}://me:{SECRET}@proxy:1080"})

    with pytest.raises(EnvironmentFailed, match=rf"SOCKS proxy \({scheme}://proxy:1080\)") as caught:
        connect(file=str(path))

    assert SECRET not in str(caught.value)
    assert "HTTP proxy" in caught.value.hint


def test_a_socks_proxy_of_the_environment_is_refused_only_where_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(kubeconfig(tmp_path, "https://10.0.0.1:6443", "t"))
    monkeypatch.setenv("https_proxy", "socks5://proxy:1080")

    with pytest.raises(EnvironmentFailed, match="SOCKS"):
        connect(file=path)

    monkeypatch.setenv("no_proxy", "10.0.0.1")
    assert connect(file=path).origin == "10.0.0.1:6443"


def test_passwords_in_addresses_are_not_shown(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, f"https://me:{SECRET}@127.0.0.1:1", "t")
    proxied = change(path, **{"proxy-url": f"http://me:{SECRET}@127.0.0.1:1"})

    api = connect(file=proxied)
    with pytest.raises(EnvironmentFailed) as caught:
        api._send_once("GET", PATH, {}, None, "")

    assert SECRET not in f"{caught.value}{caught.value.hint}{api.origin}"
    assert "127.0.0.1:1" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f'users: [{{name: ci, user: {{token: "{SECRET}',
        f"users: [{{name: ci, user: {{token: *{SECRET}}}}}]",
        f"users: [{{name: ci, user: {{token: !{SECRET} x}}}}]",
        f"users: [{{user: {{token: {SECRET}}}}}]",
        f"{ONE_CONTEXT}\nusers: [{{name: u, tok: {SECRET}}}]",
        f"{ONE_CONTEXT}\n{A_CLUSTER}\n{A_USER}",
    ],
)
def test_a_broken_kubeconfig_is_told_without_what_is_in_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)

    with pytest.raises(EnvironmentFailed) as caught:
        connect(file=str(path))

    assert str(path) in str(caught.value)
    assert SECRET not in f"{caught.value}{caught.value.hint}"
