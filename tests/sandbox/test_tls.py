"""Whole releases through an Envoy and an nginx that terminate TLS, also with client certificates, seen from outside."""

import shlex
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.adapters.smoke.environments import PYTEST, make_environment
from tests.certificates import Authority, make_authority, needs_openssl
from tests.gateways.nginx.product import needs_nginx
from tests.sandbox.shop import NEW, Shop, a_shop, shorten_times

pytestmark = [pytest.mark.sandbox, needs_openssl]

HOST = "shop.example.com"
REQUESTS = ("requests", "urllib3", "idna", "certifi", "charset-normalizer")
OWN = ", certificate: certificates/qa.pem, key: certificates/qa.key"
FILTERS = "      filter_chains:\n        - filters:\n"
LISTEN = "    listen 0.0.0.0:8000;\n"
ENVOY = """\
      filter_chains:
        - filter_chain_match: {{ server_names: ["{host}"] }}
          transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              require_client_certificate: true
              common_tls_context:
                alpn_protocols: [h2, http/1.1]
                tls_certificates:
                  - certificate_chain: {{ filename: "{folder}/gateway.pem" }}
                    private_key: {{ filename: "{folder}/gateway.key" }}
                validation_context: {{ trusted_ca: {{ filename: "{folder}/ca.pem" }} }}
          filters:
"""
INSPECTOR = """\
      listener_filters:
        - name: envoy.filters.listener.tls_inspector
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector
"""
NGINX = """\
    listen 0.0.0.0:8000 ssl;
    ssl_certificate {folder}/gateway.pem;
    ssl_certificate_key {folder}/gateway.key;
    ssl_client_certificate {folder}/ca.pem;
    ssl_verify_client on;
"""


@dataclass(frozen=True)
class Secured:
    """Edits a copy of the example: its gateway terminates TLS and demands a certificate of its clients."""

    gateway: str

    def __call__(self, folder: Path) -> None:
        config = folder / "gateway-config"
        if self.gateway == "nginx":
            shutil.copytree(config / "nginx", config, dirs_exist_ok=True)
        shorten_times(folder)
        authority = make_authority(folder / "authority")
        authority.issue("gateway", HOST)
        own = authority.issue("qa")
        (config / "certificates").mkdir()
        for file in (authority.ca, own.certificate, own.key):
            shutil.copy(file, config / "certificates")
        {"envoy": self._edit_envoy, "nginx": self._edit_nginx}[self.gateway](config, authority)
        keys = f"scheme: https, ca: certificates/ca.pem{OWN}"
        edit(config / "gatewayctl.yaml", "/health}", f"/health, {keys}}}", "duration: 2s", "duration: 4s")

    def _edit_envoy(self, config: Path, authority: Authority) -> None:
        secured = INSPECTOR + ENVOY.format(host=HOST, folder=authority.folder)
        edit(config / "bootstrap.yaml", FILTERS, secured)

    def _edit_nginx(self, config: Path, authority: Authority) -> None:
        edit(config / "shop.conf", LISTEN, NGINX.format(folder=authority.folder))


def edit(file: Path, *pairs: str) -> None:
    """Replace each text of a file by the one that follows it in `pairs`."""
    text = file.read_text()
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


@pytest.fixture(
    scope="module",
    params=[Secured("envoy"), pytest.param(Secured("nginx"), marks=needs_nginx)],
    ids=lambda one: one.gateway,
)
def _shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with a_shop(tmp_path_factory.mktemp("tls"), request.param) as shop:
        yield shop


@pytest.fixture
def shop(_shop: Shop) -> Shop:
    _shop.reset()
    return _shop


def test_the_gateway_terminates_tls(shop: Shop):
    """Else the tests below would show nothing."""
    traffic = shop.wired.ports.gateway.replicas.list()[0].traffic
    host, port = traffic.split(":")
    with socket.create_connection((host, int(port))) as plain, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(plain, server_hostname=HOST)


def test_rule_leaks_status_curl_and_verify_are_proven_over_tls(shop: Shop):
    started = shop.cli("start", "orders", "--image", NEW)
    assert started.returncode == 0, started.stdout + started.stderr
    assert "2/2 gateway replicas serve it" in started.stderr

    seen = shop.read_json("status", "orders")["apps"][0]
    assert [replica["serves_rule"] for replica in seen["replicas"]] == [True, True]
    assert "--cacert" in seen["curl"]
    if shutil.which("curl"):
        shown = subprocess.run(shlex.split(seen["curl"]), capture_output=True, text=True)
        assert f"x-gatewayctl-release: {seen['release']['id']}" in shown.stdout, shown.stderr
    assert [one["answered_by"] for one in shop.read_json("curl", "orders")["replies"]] == ["canary", "canary"]
    assert shop.cli("route", "verify", "orders").returncode == 0

    assert shop.cli("abort", "orders").returncode == 0
    assert shop.is_as_before()


@dataclass(frozen=True)
class Wrong:
    """A change of the probe's keys, and what preflight says of it."""

    old: str
    new: str
    said: str
    hint: str


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong(
            "ca: certificates/ca.pem",
            "ca: other/ca.pem",
            "does not trust its certificate",
            "set probe.ca to the PEM file of the authority that issued the gateway's certificate",
        ),
        Wrong(f"host: {HOST}", "host: www.example.com", "", "set probe.host to a name that"),
        Wrong(OWN, "", "", "set probe.certificate and probe.key"),
        Wrong(f"scheme: https, ca: certificates/ca.pem{OWN}", "scheme: http", "", "set probe.scheme: https"),
    ],
    ids=["another authority", "another name", "no certificate of its own", "no TLS"],
)
def test_a_wrong_key_is_a_fault_of_preflight_and_doctor(shop: Shop, wrong: Wrong):
    folder = shop.config.parent
    if not (folder / "other").exists():
        make_authority(folder / "other")
    text = shop.config.read_text()
    assert wrong.old in text
    other = folder / "wrong.yaml"
    other.write_text(text.replace(wrong.old, wrong.new))

    for command in (("doctor", "orders"), ("release", "orders", "--image", NEW)):
        done = shop.cli(*command, "--config", str(other))
        told = done.stdout + done.stderr
        assert done.returncode == 4, told
        assert wrong.said in told
        assert wrong.hint in told
    assert shop.is_as_before()


def test_an_abort_without_the_files_takes_the_rule_away_and_a_resume_with_them_proves_it(shop: Shop):
    """I5: the way back is open from a machine that has no certificate; only the proof waits for one."""
    assert shop.cli("start", "orders", "--image", NEW).returncode == 0
    folder = shop.config.parent / "certificates"
    away = folder.rename(folder.parent / "away")

    aborted = shop.cli("abort", "orders")

    assert aborted.returncode == 6, aborted.stdout + aborted.stderr
    assert f"probe.ca: {folder}/ca.pem: there is no such file" in aborted.stdout + aborted.stderr
    assert shop.wired.ports.gateway.store.read().files == shop.first.files

    away.rename(folder)
    assert shop.cli("resume", "orders").returncode == 3
    assert shop.is_as_before()


def test_a_release_with_suite_and_load_is_promoted_over_tls(shop: Shop):
    done = shop.release(NEW)

    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.is_promoted()
    assert "2/2 gateway replicas serve it" in done.stderr


def test_a_suite_with_cookies_in_its_own_environment_passes_over_tls(shop: Shop):
    """The suite is the example's: it trusts no authority of ours, and imports nothing of gatewayctl."""
    folder = shop.config.parent
    if not (folder.parent / "venv").exists():
        make_environment(folder.parent / "venv", (*PYTEST, *REQUESTS))
    own = folder / "account.yaml"
    text = shop.config.read_text()
    assert "pytest: {path: ../smoke/orders}" in text
    own.write_text(text.replace("{path: ../smoke/orders}", "{path: ../smoke/account, python: ../venv}"))

    done = shop.cli("release", "orders", "--image", NEW, "--promote", "on-success", "--config", str(own))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed, all 3 answers from the canary" in done.stderr
