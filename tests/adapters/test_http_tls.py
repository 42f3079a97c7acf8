"""Probes over TLS: the name and the authority are verified, and a failure says which key of the file to set."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gatewayctl.adapters.http import HttpProber
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Probe, Replica, Tls
from tests.adapters.test_http import OK, saying, speaking
from tests.certificates import Authority, Issued, make_authority, needs_openssl

pytestmark = needs_openssl

HOST = "shop.example.com"
HELLO = OK + b"content-length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Server:
    """A TLS server on this machine, and the names that its clients asked for."""

    address: str
    names: list[str]

    def ask(self, tls: Tls | None, host: str = HOST, timeout: float = 5.0) -> Answer:
        probe = Probe(host, "/", timeout=timeout, tls=tls)
        return HttpProber().ask(Replica("gw-0", self.address), probe)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tls") / "good")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tls") / "other", "another-authority")


@contextlib.contextmanager
def serving(
    issued: Issued, clients: Authority | None = None, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> Iterator[Server]:
    """A server with this certificate; with `clients` it demands a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    context.maximum_version = newest
    names: list[str] = []
    context.sni_callback = lambda _connection, name, _context: names.append(name or "")  # type: ignore[assignment]
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.ca)

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            while b"\r\n\r\n" not in secured.recv(65536):
                pass
            secured.sendall(HELLO)

    with accepting(serve) as address:
        yield Server(address, names)


@contextlib.contextmanager
def accepting(serve) -> Iterator[str]:
    """The address of a server that gives each connection to `serve`, on a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve_and_close(connection: socket.socket) -> None:
        with connection:
            serve(connection)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            if ended.is_set():
                connection.close()
                return
            threading.Thread(target=serve_and_close, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()


@pytest.mark.parametrize("host", [HOST, f"{HOST}:8443"])
def test_the_name_is_the_probes_host_without_its_port(authority: Authority, host: str):
    with serving(authority.issue("named", HOST)) as server:
        answer = server.ask(Tls(str(authority.ca)), host)

    assert (answer.status, answer.body, answer.error) == (200, "ok", "")
    assert server.names == [HOST]


def test_a_certificate_of_another_authority_is_not_trusted(authority: Authority, stranger: Authority):
    with serving(authority.issue("strange", HOST)) as server:
        answer = server.ask(Tls(str(stranger.ca)))

    assert (answer.status, answer.hint) == (
        0,
        "set probe.ca to the PEM file of the authority that issued the gateway's certificate",
    )
    assert answer.error.startswith(f"{stranger.ca} does not trust its certificate (")


def test_without_a_ca_file_the_authorities_of_the_machine_decide(authority: Authority):
    with serving(authority.issue("system", HOST)) as server:
        answer = server.ask(Tls())

    assert answer.error.startswith("this machine does not trust its certificate (")


def test_a_certificate_for_another_name_is_told(authority: Authority):
    with serving(authority.issue("elsewhere", "other.example.com")) as server:
        answer = server.ask(Tls(str(authority.ca)))

    assert answer.error.startswith(f"its certificate is not for {HOST} (")
    assert answer.hint.startswith("set probe.host to a name that the certificate has")


def test_a_certificate_that_has_expired_is_told(authority: Authority):
    with serving(authority.issue("old", HOST, days=-1)) as server:
        answer = server.ask(Tls(str(authority.ca)))

    assert (answer.status, answer.error) == (0, "its certificate has expired")


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_a_gateway_that_wants_a_certificate_gets_ours(
    authority: Authority, stranger: Authority, newest: ssl.TLSVersion
):
    own, foreign = authority.issue("qa", "qa"), stranger.issue("qa", "qa")
    trust = Tls(str(authority.ca))
    with serving(authority.issue("mutual", HOST), authority, newest) as server:
        with_own = server.ask(replace(trust, certificate=str(own.certificate), key=str(own.key)))
        with_foreign = server.ask(replace(trust, certificate=str(foreign.certificate), key=str(foreign.key)))
        without = server.ask(trust)

    assert (with_own.status, with_own.body) == (200, "ok")
    assert without.status == 0
    assert "set probe.certificate and probe.key" in without.hint
    assert with_foreign.status == 0
    assert "set probe.certificate to one from an authority that the gateway trusts" in with_foreign.hint


def test_a_port_without_tls_is_told(authority: Authority):
    with accepting(lambda connection: connection.recv(65536) and connection.sendall(HELLO)) as address:
        answer = Server(address, []).ask(Tls(str(authority.ca)))

    assert answer.status == 0
    assert answer.error == "it does not speak TLS on this port"
    assert "probe.scheme: http," in answer.hint


def test_a_port_with_tls_that_is_asked_without_is_told(authority: Authority):
    with serving(authority.issue("plain", HOST)) as server:
        answer = server.ask(None)

    assert (answer.status, answer.hint) == (0, "if the gateway speaks TLS on this port, set probe.scheme: https")


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b"<h1>400</h1>The plain HTTP request was sent to HTTPS port", "set probe.scheme: https"),
        (b"<h1>400</h1>No required SSL certificate was sent", "set probe.certificate and probe.key"),
    ],
)
def test_what_nginx_says_with_an_answer_names_the_same_keys(body: bytes, hint: str):
    with speaking(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n" + body)) as address:
        answer = Server(address, []).ask(None)

    assert (answer.status, answer.hint) == (400, hint)


def test_a_gateway_that_has_no_listener_for_the_name_closes_at_once(authority: Authority):
    with accepting(lambda connection: connection.recv(65536)) as address:
        answer = Server(address, []).ask(Tls(str(authority.ca)))

    assert (answer.status, answer.error) == (0, "it closed the connection before it agreed on TLS")
    assert f"no TLS listener for {HOST}" in answer.hint


def test_a_server_that_never_agrees_on_tls_is_given_up_at_the_deadline(authority: Authority):
    over = threading.Event()
    start = time.monotonic()
    with accepting(lambda _connection: over.wait(30)) as address:
        answer = Server(address, []).ask(Tls(str(authority.ca)), timeout=0.3)
        over.set()

    assert (answer.status, answer.error) == (0, "TLS was not agreed within 0.3 s")
    assert time.monotonic() - start < 5.0


def test_a_file_that_is_gone_is_told_with_its_key(authority: Authority, tmp_path: Path):
    with serving(authority.issue("gone", HOST)) as server:
        answer = server.ask(Tls(str(tmp_path / "ca.pem")))

    assert (answer.status, answer.error) == (0, f"probe.ca: {tmp_path}/ca.pem: there is no such file")


def test_a_renewed_file_is_read_again(authority: Authority, stranger: Authority, tmp_path: Path):
    file = tmp_path / "ca.pem"
    file.write_bytes(stranger.ca.read_bytes())
    with serving(authority.issue("renewed", HOST)) as server:
        before = server.ask(Tls(str(file)))
        file.unlink()
        file.write_bytes(authority.ca.read_bytes())
        after = server.ask(Tls(str(file)))

    assert (before.status, after.status) == (0, 200)
