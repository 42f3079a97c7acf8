"""Probes on real sockets: whatever a server answers, and however slowly, there is an Answer in time."""

import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from gatewayctl.adapters.http import HttpProber, admin_get
from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.evidence import Answer, Identify
from gatewayctl.domain.platform import Probe, Replica

Talk = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\n"


@contextlib.contextmanager
def speaking(talk: Talk, heads: list[bytes] | None = None) -> Iterator[str]:
    """The address of a server that reads the head of each request into `heads`, and then says what the test wants."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            received = b""
            while b"\r\n\r\n" not in received:
                received += connection.recv(65536)
            if heads is not None:
                heads.append(received)
            talk(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if ended.is_set():
                connection.close()
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield address
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()


def ask(talk: Talk, timeout: float = 5.0) -> Answer:
    with speaking(talk) as address:
        return HttpProber().ask(Replica("gw-0", address), Probe("shop", "/", timeout=timeout))


def saying(*parts: bytes) -> Talk:
    """A server that sends these parts at once, and hangs up."""

    def talk(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return talk


def dripping(first: bytes, drop: bytes) -> Talk:
    """A server that goes on for ever, a few bytes at a time, faster than any limit of one read."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(drop)
            threading.Event().wait(0.05)

    return talk


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n.\r\n"),
        (OK + b"content-length: 1000000\r\n\r\n", b"."),
        (OK + b"\r\n", b"."),
        (OK, b"x-a: b\r\n"),
        (b"", b"H"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (OK + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n\x1f\r\n"),
    ],
    ids=["chunks", "a long body", "a body without length", "headers", "a status line", "interim answers", "bad gzip"],
)
def test_an_answer_that_drips_ends_at_the_deadline_of_the_whole_probe(first: bytes, drop: bytes):
    """s34."""
    start = time.monotonic()

    answer = ask(dripping(first, drop), timeout=0.5)

    assert answer.status == 0
    assert answer.error
    assert time.monotonic() - start < 5.0  # each read alone may take 0.5 s, again and again


def test_a_server_that_never_answers_is_given_up_at_the_deadline():
    over = threading.Event()

    answer = ask(lambda _: over.wait(30) and None, timeout=0.2)
    over.set()

    assert (answer.status, answer.error) == (0, "no whole answer within 0.2 s")


NESTED = b"[" * 100_000
BOMB = gzip.compress(bytes(50_000_000))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (OK + b"content-type: text/html; charset=utf8mb4\r\n\r\nok", 200),
        (OK + b"content-type: text/html; charset=base64\r\n\r\nok", 200),
        (OK + b"content-type: text/html; charset=undefined\r\n\r\nok", 200),
        (OK + b"content-type: text/html; charset=idna\r\n\r\n\xff\xfe..", 200),
        (OK + b'content-type: \xff\xfe; charset="\r\n\r\nok', 200),
        (OK + b"content-type: application/json\r\n\r\n" + NESTED, 200),
        (OK + b"x-served-by: \xe9\xff\r\n\r\n", 200),
        (OK + b"content-encoding: gzip\r\n\r\nno gzip", 0),
        (OK + b"content-encoding: gzip, gzip\r\n\r\n" + gzip.compress(BOMB), 0),
        (OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(BOMB) + BOMB, 200),
        (OK + b"content-encoding: br, unheard-of\r\n\r\n", 0),
        (OK + b"content-length: -1\r\n\r\n", 0),
        (OK + b"content-length: 5\r\n\r\nab", 0),
        (OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab", 0),
        (OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 0),
        (OK + b"no colon here\r\n\r\n", 0),
        (OK + b"x: " + b"a" * 1_000_000 + b"\r\n\r\n", 0),
        (OK + b"x: a\x00b\r\n\r\n", 0),
        (b"HTTP/1.1 302 Found\r\nlocation: http://[bad\r\n\r\n", 302),
        (b"HTTP/1.1 302 Found\r\nlocation: \xff://\r\n\r\n", 302),
        (b"HTTP/1.1 999 What\r\n\r\n", 999),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n\x00\x01", 0),
        (b"HTTP/9.9 200 OK\r\n\r\n", 200),
        (b"SSH-2.0-OpenSSH_9.6\r\n", 0),
        (b"\x00\x01\x02", 0),
        (b"", 0),
        (OK + b"\r\n" + b"x" * 5_000_000, 200),
    ],
)
def test_no_answer_of_a_server_raises(answer: bytes, status: int):
    """s29."""
    found = ask(saying(answer))

    assert found.status == status
    assert len(found.body) <= 1_000_000
    assert bool(found.error) is (status == 0)
    assert Identify(header="", pointer="/v").read(found) == ""
    json.dumps(found.headers).encode()


def test_an_answer_is_what_was_sent():
    found = ask(saying(OK + b"X-Served-By: orders-1\r\ncontent-type: text/plain; charset=latin-1\r\n\r\n\xe9"))

    assert (found.status, found.headers["x-served-by"], found.body, found.error) == (200, "orders-1", "é", "")
    assert found.seconds > 0.0


def test_a_probe_sends_no_cookie_of_an_answer_before():
    heads: list[bytes] = []
    with speaking(saying(OK + b"set-cookie: session=1; path=/\r\ncontent-length: 0\r\n\r\n"), heads) as address:
        for _ in range(2):
            HttpProber().ask(Replica("gw-0", address), Probe("127.0.0.1", "/"))

    assert len(heads) == 2
    assert b"cookie" not in heads[1].lower()


@pytest.mark.parametrize(("status", "kind"), [(404, EnvironmentFailed), (503, Transient), (429, Transient)])
def test_an_admin_port_that_refuses_is_final_and_one_in_trouble_is_not(status: int, kind: type[EnvironmentFailed]):
    refusing = speaking(saying(b"HTTP/1.1 %d Oops\r\n\r\n" % status))
    with refusing as address, pytest.raises(EnvironmentFailed, match=str(status)) as found:
        admin_get(Replica("gw-0", "", address), "/config_dump")

    assert type(found.value) is kind


def test_an_admin_port_that_nobody_listens_on_is_a_passing_trouble():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused
        address = f"127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(Transient, match="does not answer"):
            admin_get(Replica("gw-0", "", address), "/config_dump")
