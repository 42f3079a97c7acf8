"""Suites whose gateway speaks TLS, with an authority of its own and a certificate that it asks clients for."""

import shutil
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from gatewayctl.domain.platform import Tls
from gatewayctl.domain.suite_verdicts import judge_suite
from tests.adapters.smoke.gateway import HEADER, HOST, LoopbackGateway
from tests.certificates import Authority, make_authority, needs_openssl
from tests.child_process.entrance import run_entrance
from tests.marks import keep

pytestmark = needs_openssl
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")

CLIENTS = {
    "httpx": "httpx.get(url + '/').status_code",
    "httpx, asynchronous": "asyncio.run(ask_httpx(url))",
    "client": "client.get(url + '/').status_code",
    "requests": "requests.get(url + '/').status_code",
    "urllib": "urllib.request.urlopen(url + '/').status",
    "aiohttp": "asyncio.run(ask_aiohttp(url))",
    "websockets": "greet(url) and 200",
    "websocket-client": "greet_too(url) and 200",
}
_SUITE = """
    import aiohttp, asyncio, httpx, pytest, requests, urllib.request, websocket
    from websockets.sync.client import connect

    async def ask_httpx(url):
        async with httpx.AsyncClient() as client:
            return (await client.get(url + "/")).status_code

    async def ask_aiohttp(url):
        async with aiohttp.ClientSession() as session, session.get(url + "/") as answer:
            return answer.status

    def greet(url):
        with connect(url.replace("https", "wss") + "/") as socket:
            return socket.recv()

    def greet_too(url):
        socket = websocket.create_connection(url.replace("https", "wss") + "/", timeout=30)
        try: return socket.recv()
        finally: socket.close()

    def ask(url, client):
        return {call}
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path / "authority")


@pytest.fixture
def entrance(authority: Authority):
    server = authority.issue(HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    context.load_verify_locations(authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    with run_entrance(tls=context) as entrance:
        yield entrance


@pytest.fixture
def run(entrance, authority, run_suite):
    """A function that runs a suite against the entrance's public name, over TLS."""
    client = authority.issue("client")
    tls = Tls(str(authority.ca), str(client.certificate), str(client.key))

    def run(text: str, tls: Tls = tls):
        endpoints = LoopbackGateway(urls=entrance.urls).endpoints()
        return run_suite(text, endpoints=replace(endpoints, base_url=f"https://{HOST}", tls=tls))

    return run


@pytest.mark.parametrize("client", keep(CLIENTS, "client", "requests", "websockets"))
def test_each_client_trusts_the_gateway_and_shows_its_certificate(entrance, run, client):
    text = _SUITE.format(call=CLIENTS[client])
    result = run(text + "\n    def test_it(base_url, client): assert ask(base_url, client) == 200\n")

    assert judge_suite(result).text == "1 passed, its one answer from the canary", result.failures
    assert (entrance.marks(), entrance.hosts()) == ({HEADER.value}, {HOST})


def test_a_secure_cookie_is_kept_and_a_replicas_own_url_has_the_public_certificate(entrance, run):
    result = run("""
        import httpx, requests

        def test_requests(gw):
            with requests.Session() as session:
                session.get(gw.base_url + "/login?more=;Secure")
                assert session.get(gw.base_url + "/me").ok
            assert requests.get(gw.urls[1] + "/").ok

        def test_httpx(gw, client):
            client.get("/login?more=;Secure")
            assert client.get("/me").is_success
            assert httpx.get(gw.urls[1] + "/").is_success
    """)

    assert judge_suite(result).text == "2 passed, all 6 answers from the canary", result.failures
    assert entrance.hosts() == {HOST}


@needs_curl
def test_curl_is_led_to_a_replica_and_given_the_authority_as_documented(entrance, run, authority):
    """docs/smoke.md has this command; this gateway asks for a certificate of the client, too."""
    own = authority.issue("curl")
    result = run(f"""
        import os, subprocess

        def test_curl(gw, count_answer):
            [(name, value)] = gw.header.items()
            address = os.environ["GATEWAYCTL_URLS"].split()[0].partition("//")[2]
            command = ["curl", "-si", "--connect-to", f"::{{address}}", "--cacert", os.environ["GATEWAYCTL_CA"]]
            command += ["--cert", "{own.certificate}", "--key", "{own.key}", "-H", f"{{name}}: {{value}}"]
            command += [gw.base_url + "/items"]
            count_answer(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    """)

    assert judge_suite(result).text == "1 passed, its one answer from the canary", result.failures
    assert entrance.hosts() == {HOST}


def test_without_the_authority_or_the_certificate_nothing_passes(entrance, run, authority):
    text = "import requests\ndef test_it(base_url): requests.get(base_url, timeout=30)\n"

    assert "CERTIFICATE_VERIFY_FAILED" in run(text, tls=Tls()).failures[0]
    assert run(text, tls=Tls(ca=str(authority.ca))).failed == 1
    assert entrance.seen == []
