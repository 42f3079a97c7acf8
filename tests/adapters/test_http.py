"""Probes on real sockets: whatever a server answers, and however slowly, there is an Answer in time."""

import contextlib
import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator

import pytest

from gatewayctl.adapters.http import HttpProber, admin_get, admin_post
from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.evidence import Answer, Identify
from gatewayctl.domain.platform import Probe, Replica

Talk = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\n"


@contextlib.contextmanager
def speaking(talk: Talk, heads: list[bytes] | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of a server that reads the head of each request into `heads`, and then says what the test wants."""
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
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
    name, port = listener.getsockname()[:2]
    try:
        yield f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            socket.create_connection((name, port)).close()
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


EVENTS = b"transfer-encoding: chunked\r\nx-gatewayctl-release: r-1\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "drop", "status"),
    [
        (OK + EVENTS, b"1\r\n.\r\n", 200),
        (OK + b"content-length: 1000000\r\n\r\n", b".", 200),
        (OK + b"\r\n", b".", 200),
        (OK + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n\x1f\r\n", 0),
        (OK, b"x-a: b\r\n", 0),
        (b"", b"H", 0),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0),
    ],
    ids=["chunks", "a long body", "a body without length", "bad gzip", "headers", "a status line", "interim answers"],
)
def test_an_answer_that_drips_ends_at_the_deadline_with_what_came(first: bytes, drop: bytes, status: int):
    """s34; without a whole head there is no answer."""
    start = time.monotonic()

    answer = ask(dripping(first, drop), timeout=0.5)

    assert answer.status == status
    assert bool(answer.error) is (status == 0)
    assert set(answer.body) == (set(".") if status else set())
    assert time.monotonic() - start < 5.0  # each read alone may take 0.5 s, again and again


def test_a_stream_that_says_nothing_more_is_answered_by_its_head():
    over = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(OK + EVENTS + b"8\r\ndata: 1\n\r\n")
        over.wait(30)

    answer = ask(talk, timeout=0.3)
    over.set()

    assert (answer.status, answer.headers["x-gatewayctl-release"], answer.body) == (200, "r-1", "data: 1\n")
    assert answer.seconds < 0.3


def test_half_an_answer_of_the_admin_port_is_none(monkeypatch: pytest.MonkeyPatch):
    """Half a configuration would look like one without the rule."""
    monkeypatch.setattr("gatewayctl.adapters.http._ADMIN_SECONDS", 0.3)
    dump = dripping(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n.\r\n")
    with speaking(dump) as address, pytest.raises(Transient, match=r"no whole answer within 0\.3 s"):
        admin_get(Replica("gw-0", "", address), "/config_dump")


def test_a_server_that_never_answers_is_given_up_at_the_deadline():
    over = threading.Event()

    answer = ask(lambda _: over.wait(30) and None, timeout=0.2)
    over.set()

    assert (answer.status, answer.error) == (0, "no answer within 0.2 s")


def test_interim_answers_are_skipped():
    assert ask(saying(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", OK + b"\r\nok")).body == "ok"


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


def test_headers_of_the_same_name_are_one_list():
    assert ask(saying(OK + b"X-A: 1\r\nx-a: 2\r\n\r\n")).headers["x-a"] == "1, 2"


WORDS = b"orders " * 100_000
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)


@pytest.mark.parametrize(
    ("coding", "sent"),
    [
        (b"gzip", gzip.compress(WORDS)),
        (b"GZIP", gzip.compress(WORDS)),
        (b"deflate", zlib.compress(WORDS)),
        (b"deflate", RAW.compress(WORDS) + RAW.flush()),
        (b"identity", WORDS),
    ],
    ids=["gzip", "its name in capitals", "zlib", "deflate without a header", "not packed"],
)
def test_a_packed_answer_is_unpacked(coding: bytes, sent: bytes):
    head = OK + b"content-encoding: " + coding + b"\r\ncontent-length: %d\r\n\r\n" % len(sent)
    halves = len(sent) // 2

    assert ask(saying(head, sent[:halves], sent[halves:])).body == WORDS.decode()


def test_a_probe_is_sent_as_a_client_would_send_it():
    heads: list[bytes] = []
    probe = Probe(
        "shop.example.com", "/ü b?q={1}#part", (("X-Canary", "other"), ("x-canary", "r-1"), ("Accept", "a/b"))
    )
    with speaking(saying(OK + b"\r\n"), heads) as address:
        HttpProber().ask(Replica("gw-0", address), probe)

    assert heads[0].split(b"\r\n") == [
        b"GET /%C3%BC%20b?q={1} HTTP/1.1",
        b"host: shop.example.com",
        b"accept-encoding: gzip, deflate",
        b"user-agent: gatewayctl",
        b"X-Canary: other",
        b"x-canary: r-1",
        b"Accept: a/b",
        b"",
        b"",
    ]


def test_a_header_that_http_does_not_allow_is_not_sent():
    with speaking(saying(OK + b"\r\n")) as address:
        for value in ("a\r\nx-other: b", "ü"):
            assert HttpProber().ask(Replica("gw-0", address), Probe("shop", "/", (("x-canary", value),))).status == 0


def test_a_replica_may_have_an_ipv6_address():
    with speaking(saying(OK + b"\r\nok"), host="::1") as address:
        assert HttpProber().ask(Replica("gw-0", address), Probe("shop", "/")).body == "ok"


def test_no_proxy_of_the_environment_answers_for_the_replica(monkeypatch: pytest.MonkeyPatch):
    with speaking(saying(b"HTTP/1.1 502 Proxy\r\n\r\n")) as proxy, speaking(saying(OK + b"\r\n")) as address:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy}")

        assert HttpProber().ask(Replica("gw-0", address), Probe("shop", "/")).status == 200


def test_a_redirect_is_an_answer():
    heads: list[bytes] = []
    with speaking(saying(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\n\r\n"), heads) as address:
        answer = HttpProber().ask(Replica("gw-0", address), Probe("shop", "/"))

    assert (answer.status, answer.headers["location"], len(heads)) == (302, "/elsewhere", 1)


def test_an_admin_request_names_the_replica_and_has_no_content():
    heads: list[bytes] = []
    with speaking(saying(OK + b"\r\ndone"), heads) as address:
        replica = Replica("gw-0", "", address)

        assert [admin_get(replica, "/a?b=c"), admin_post(replica, "/a")] == ["done", "done"]

    assert heads[0].startswith(b"GET /a?b=c HTTP/1.1\r\nhost: " + address.encode())
    assert heads[1].startswith(b"POST /a HTTP/1.1\r\nhost: " + address.encode())
    assert b"content-length: 0\r\n" in heads[1]


def test_a_long_answer_of_the_admin_port_is_read_to_its_end():
    with speaking(saying(OK + b"\r\n" + b"x" * 5_000_000)) as address:
        assert len(admin_get(Replica("gw-0", "", address), "/config_dump")) == 5_000_000


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
