"""A share of the unmarked requests on a real nginx: as large as asked, and of nothing else."""

import http.client
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from signal import SIGHUP

import pytest
from scipy.stats import binom

from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from tests.gateways.loopback import TIMEOUT, free_port, until
from tests.gateways.nginx.product import needs_nginx
from tests.gateways.nginx.running import CANARY, NET, OTHER, STABLE, RunningNginx, running_nginx
from tests.gateways.nginx.samples import a_rule, insert, one

pytestmark = [pytest.mark.sandbox, needs_nginx]

OTHER_CANARY = f"{NET}.4"
Answer = tuple[int, str, str]
"""Status, body and stamp."""
MARKED = {"x-canary": "always"}
ODD = [{"x-canary": value} for value in ("", "ALWAYS", "alway", "always2", "other, always", "always,always")]
REQUESTS = 5000
ALPHA = 1e-6  # of the runs in which the share is right, so many fail
UPSTREAMS = "".join(
    f'server {{ listen {host}:PORT; location / {{ return 200 "{name}"; }} }}\n'
    for name, host in (("stable", STABLE), ("canary", CANARY), ("other", OTHER), ("other canary", OTHER_CANARY))
)
ORDERS, WEB = f"proxy_pass http://{STABLE}:PORT;", f"proxy_pass http://{OTHER}:PORT;"
LOCATION = f"  location /api/ {{\n    {ORDERS}\n  }}\n"
SHOP = f"server {{\n  listen LISTEN;\n{LOCATION}  location /web/ {{\n    {WEB}\n  }}\n}}\n"
UPSTREAM = f"upstream orders {{ server {STABLE}:PORT; }}\n" + SHOP.replace(f"{STABLE}:PORT", "orders")
SHAPES = {
    "plain": SHOP,
    "uri": SHOP.replace(":PORT;", ":PORT/v1/;", 1),
    "if": SHOP.replace(ORDERS, f'if ($arg_q = "1") {{ add_header x-q 1; }}\n    {ORDERS}'),
    "map": f"map $arg_v $up {{ default {STABLE}:PORT; b {OTHER}:PORT; }}\n"
    + SHOP.replace(ORDERS, "proxy_pass http://$up;"),
    "upstream": UPSTREAM,
}


def a_share(share: int, **changes) -> CanaryRule:
    return a_rule(share=share, **{"service": STABLE, "canary_host": CANARY, **changes})


@pytest.fixture(scope="module")
def port() -> str:
    return str(free_port(STABLE))


def with_rules(port: str, text: str, *rules: CanaryRule) -> str:
    """The content of an http block with these rules and, beside it, the upstreams, all on `port`."""
    files = one(f"http {{\n{text}}}\n".replace("PORT", port))
    for rule in rules:
        files = insert(files, rule)
    return UPSTREAMS.replace("PORT", port) + files[0].text.removeprefix("http {").rpartition("}")[0]


class Client:
    """Requests on one connection that is kept open. One that nginx closes while it was idle is opened again, once."""

    def __init__(self, running: RunningNginx) -> None:
        self._connection = http.client.HTTPConnection(running.host, running.port, timeout=TIMEOUT)
        self.connections = 0

    def ask(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """Status, body and stamp of one answer."""
        reused = self._connection.sock is not None
        try:
            return self._send(path, headers or {})
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            if not reused:
                raise
            return self._send(path, headers or {})

    def _send(self, path: str, headers: dict[str, str]) -> Answer:
        self.connections += self._connection.sock is None
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader(STAMP_HEADER, "")

    def close(self) -> None:
        self._connection.close()


def tally(
    running: RunningNginx, path: str = "/api/x", headers: Sequence[dict[str, str]] = ({},), requests: int = REQUESTS
) -> Counter[Answer]:
    """The answers to requests with each of `headers` in turn, all sent on one connection after the other."""
    client = Client(running)
    try:
        answers = Counter(client.ask(path, headers[at % len(headers)]) for at in range(requests))
    finally:
        client.close()
    assert client.connections <= requests // 1000 + 1, "nginx ends a connection after keepalive_requests only"
    return answers


def assert_share(answers: Counter[Answer], share: int, stable: str = "stable", canary: str = "canary") -> None:
    """Only stable's and the canary's own answers, the canary's stamped, and as many as a share gives by chance."""
    ours, all_ = answers[200, canary, "r-1"], answers.total()
    assert set(answers) <= {(200, stable, ""), (200, canary, "r-1")}
    low, high = binom.interval(1 - ALPHA, all_, share / 100)
    assert low <= ours <= high


@pytest.mark.parametrize("share", [1, 10, 50, 100])
def test_the_share_is_what_was_asked_on_a_connection_that_is_kept_open(share, port, tmp_path):
    with running_nginx(tmp_path, with_rules(port, SHOP, a_share(share))) as running:
        assert_share(tally(running), share)


@pytest.mark.parametrize("share", [1, 10, 50, 100])
def test_the_share_is_what_was_asked_where_the_location_chooses_itself(share, port, tmp_path):
    (snippet,) = insert(one(LOCATION.replace("PORT", port)), a_share(share))
    text = UPSTREAMS.replace("PORT", port) + f"server {{\n  listen LISTEN;\n{snippet.text}}}\n"
    with running_nginx(tmp_path, text) as running:
        assert_share(tally(running), share)
        assert set(tally(running, headers=[MARKED], requests=200)) == {(200, "canary", "r-1")}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_share_and_the_header_work_in_each_shape_of_location(shape, port, tmp_path):
    with running_nginx(tmp_path, with_rules(port, SHAPES[shape], a_share(50))) as running:
        for path in ("/api/x", "/api/x?q=1"):
            assert_share(tally(running, path), 50)
            assert set(tally(running, path, [MARKED], 200)) == {(200, "canary", "r-1")}
        for headers in ({}, MARKED):
            assert set(tally(running, "/web/x", [headers], 200)) == {(200, "other", "")}
            if shape == "map":
                assert set(tally(running, "/api/x?v=b", [headers], 200)) == {(200, "other", "")}


@pytest.mark.shows("nginx", "odd requests")
@pytest.mark.parametrize("share", [0, 10, 100])
def test_what_is_almost_marked_counts_as_unmarked_and_neighbours_get_nothing(share, port, tmp_path):
    with running_nginx(tmp_path, with_rules(port, SHOP, a_share(share))) as running:
        assert_share(tally(running, headers=ODD), share)
        assert set(tally(running, "/web/x", [{}, MARKED, *ODD], 400)) == {(200, "other", "")}
        assert set(tally(running, headers=[MARKED], requests=200)) == {(200, "canary", "r-1")}


def test_two_applications_in_one_file_have_shares_of_their_own(port, tmp_path):
    web = a_rule("web", service=OTHER, canary="web-canary", canary_host=OTHER_CANARY, share=50)
    with running_nginx(tmp_path, with_rules(port, SHOP, a_share(10), web)) as running:
        assert_share(tally(running), 10)
        assert_share(tally(running, "/web/x"), 50, "other", "other canary")


def test_the_share_is_taken_alike_from_both_sides_of_a_split_that_the_team_has(port, tmp_path):
    """With a key that both share, all requests of the canary would come from one side."""
    side = f"add_header {STAMP_HEADER} $side;"  # shown before the stamp: "a, r-1"
    text = 'split_clients "$request_id" $side { 50% a; * b; }\n' + SHOP.replace(ORDERS, f"{side}\n    {ORDERS}")
    with running_nginx(tmp_path, with_rules(port, text, a_share(50))) as running:
        answers = tally(running)

    a, b = answers[200, "canary", "a, r-1"], answers[200, "canary", "b, r-1"]
    low, high = binom.interval(1 - ALPHA, a + b, 0.5)
    assert a + b > REQUESTS / 3
    assert low <= a <= high


def test_with_a_fallback_stable_answers_the_share_of_a_canary_that_is_gone(port, tmp_path):
    rule = a_share(50, service="orders", canary_host=f"{NET}.99", fallback=True)
    with running_nginx(tmp_path, with_rules(port, UPSTREAM, rule)) as running:
        answers = tally(running)

    assert set(answers) == {(200, "stable", ""), (200, "stable", "r-1")}
    assert_share(Counter({(200, "canary" * bool(at[2]) or "stable", at[2]): n for at, n in answers.items()}), 50)


@dataclass
class Stream:
    """Requests without a pause, each with the header or each without it, until `stop` is set."""

    running: RunningNginx
    headers: dict[str, str]
    stop: threading.Event
    answers: Counter[Answer] = field(default_factory=Counter)
    faults: list[Exception] = field(default_factory=list)

    def run(self) -> None:
        client = Client(self.running)
        try:
            while not self.stop.is_set():
                self.answers[client.ask("/api/x", self.headers)] += 1
        except (OSError, http.client.HTTPException) as fault:
            self.faults.append(fault)
        finally:
            client.close()


@pytest.mark.shows("nginx", "edits under load")
def test_the_share_goes_up_and_down_by_reloads_under_load_and_no_request_fails(port, tmp_path):
    stop = threading.Event()
    with running_nginx(tmp_path, with_rules(port, SHOP, a_share(0))) as running:
        streams = [Stream(running, headers, stop) for headers in ({}, {}, MARKED)]
        threads = [threading.Thread(target=stream.run) for stream in streams]
        for thread in threads:
            thread.start()
        try:
            for number, share in enumerate((10, 50, 100, 0, 100, 0), start=1):
                running.write(with_rules(port, SHOP, a_share(share)))
                running.process.send_signal(SIGHUP)
                until(lambda n=number: running.log.count("gracefully shutting down") >= n, "the reload")
                seen = sum(stream.answers.total() for stream in streams)
                until(lambda s=seen: sum(stream.answers.total() for stream in streams) >= s + 500, "requests")
                assert_share(tally(running, requests=1000), share)
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    unmarked = streams[0].answers + streams[1].answers
    assert [stream.faults for stream in streams] == [[], [], []]
    assert set(unmarked) == {(200, "stable", ""), (200, "canary", "r-1")}
    assert set(streams[2].answers) == {(200, "canary", "r-1")}
    assert "[emerg]" not in running.log
