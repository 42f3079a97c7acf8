"""Suites that use the public name, with the clients that other people's suites use."""

from dataclasses import replace

import pytest

from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.suite_verdicts import judge_suite
from tests.adapters.smoke.gateway import HEADER, HOST, LoopbackGateway
from tests.child_process.entrance import Entrance, run_entrance
from tests.marks import keep

BASE = f"http://{HOST}"


@pytest.fixture
def entrance():
    with run_entrance() as entrance:
        yield entrance


@pytest.fixture
def run(entrance: Entrance, run_suite):
    """A function that runs a suite against the entrance's public name."""

    def run(text: str, **more):
        endpoints = replace(LoopbackGateway(urls=entrance.urls).endpoints(), base_url=BASE)
        return run_suite(text, endpoints=endpoints, **more)

    return run


def test_the_variables_and_the_fixtures_have_the_public_name(entrance, run):
    result = run(f"""
        import os

        def test_it(gw, client, stable_client, base_url):
            assert {{os.environ["BASE_URL"], os.environ["GATEWAYCTL_BASE_URL"], gw.base_url, base_url}} == {{"{BASE}"}}
            for _ in gw.urls:
                assert client.get("/").url.host == "{HOST}"
                stable_client.get("/")
            assert client.get("/").headers["x-served-by"].startswith("orders-canary")
            for url in gw.urls:
                assert client.get(url).headers["x-served-by"].startswith("orders-canary")
    """)

    assert judge_suite(result).text == "1 passed, all 5 answers from the canary"
    assert (result.baseline, entrance.hosts()) == (2, {HOST})


# Each request says where its answer leads; the last one is to the page that only a logged-in user may see.
DOMAINS = ["", "; Domain=shop.example.com", "; Domain=example.com"]
LOGINS = {
    "httpx": """
        import httpx
        def log_in(base, more):
            with httpx.Client(base_url=base, follow_redirects=True) as client:
                client.get("/login", params={"more": more})
                return client.get("/me").status_code
    """,
    "client": """
        import pytest
        @pytest.fixture(autouse=True)
        def given(client): globals()["client"] = client
        def log_in(base, more):
            client.get("/login", params={"more": more})
            return client.get("/me").status_code
    """,
    "requests": """
        import requests
        def log_in(base, more):
            with requests.Session() as session:
                session.get(base + "/login", params={"more": more})
                return session.get(base + "/me").status_code
    """,
    "urllib": """
        import urllib.request
        from urllib.parse import quote
        def log_in(base, more):
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            opener.open(base + "/login?more=" + quote(more)).close()
            with opener.open(base + "/me") as answer:
                return answer.status
    """,
    "aiohttp": """
        import aiohttp, asyncio
        def log_in(base, more):
            async def ask():
                async with aiohttp.ClientSession(base) as session:
                    async with session.get("/login", params={"more": more}): ...
                    async with session.get("/me") as answer:
                        return answer.status
            return asyncio.run(ask())
    """,
}


@pytest.mark.parametrize("client", keep(LOGINS, "requests", "aiohttp"))
@pytest.mark.parametrize(
    "more", keep(["", "; Domain=shop.example.com", "; Domain=example.com"], "; Domain=example.com")
)
def test_a_login_keeps_its_cookie(entrance, run, client, more):
    text = LOGINS[client] + f"\n        def test_it(base_url): assert log_in(base_url, '{more}') == 200\n"
    result = run(text)

    assert judge_suite(result).text == "1 passed, all 2 answers from the canary", result.failures
    assert (entrance.marks(), entrance.hosts()) == ({HEADER.value}, {HOST})


REDIRECTS = {
    "httpx": "httpx.get(url, follow_redirects=True)",
    "client": "client.get(url, follow_redirects=True)",
    "requests": "requests.get(url)",
    "requests.Session with the header of its own": "requests_session.get(url)",
    "urllib": "urllib.request.urlopen(url).close()",
    "urllib3": "urllib3.PoolManager().request('GET', url)",
    "aiohttp": "asyncio.run(ask(url))",
}
_ASK = """
        import aiohttp, asyncio, httpx, requests, urllib.request, urllib3

        requests_session = requests.Session()

        async def ask(url):
            async with aiohttp.ClientSession() as session, session.get(url): ...

        def test_it(client, base_url):
            url = base_url + "/redirect?to={to}"
            {call}
"""


@pytest.mark.parametrize("client", keep(REDIRECTS, "client", "requests", "urllib"))
def test_an_absolute_redirect_to_the_public_name_stays_on_the_gateway(entrance, run, client):
    result = run(_ASK.format(to=f"{BASE}/items", call=REDIRECTS[client]))

    assert judge_suite(result).text == "1 passed, all 2 answers from the canary", result.failures
    assert [path for path, _ in entrance.seen][1] == "/items"
    assert (entrance.marks(), entrance.hosts()) == ({HEADER.value}, {HOST})


@pytest.mark.parametrize("client", keep(REDIRECTS, "client", "requests", "urllib"))
def test_a_redirect_to_another_host_carries_nothing_of_ours(entrance, run, client):
    with run_entrance(replicas=1) as stranger:
        result = run(_ASK.format(to=f"{stranger.urls[0]}/sign-on", call=REDIRECTS[client]))

    assert judge_suite(result).text == "1 passed, its one answer from the canary", result.failures
    assert (stranger.marks(), stranger.hosts()) == ({""}, {stranger.urls[0].removeprefix("http://")})


def test_an_answer_counts_also_if_the_suite_raises_because_of_it(run):
    result = run("""
        import httpx, pytest, requests

        def test_requests(base_url):
            def refuse(answer, **_): raise ValueError("a hook of the suite")
            with requests.Session() as session:
                session.hooks["response"].append(refuse)
                with pytest.raises(ValueError): session.get(base_url + "/")
                session.hooks["response"].clear()
                session.max_redirects = 2
                with pytest.raises(requests.TooManyRedirects):
                    session.get(base_url + "/redirect?to=/redirect?to=/redirect?to=/redirect?to=/")

        def test_httpx(base_url):
            def refuse(answer): raise ValueError("a hook of the suite")
            with httpx.Client(base_url=base_url, event_hooks={"response": [refuse]}) as client:
                with pytest.raises(ValueError): client.get("/")
    """)

    assert judge_suite(result).text == "2 passed, all 5 answers from the canary", result.failures


WEBSOCKETS = {
    "websockets": """
        from websockets.sync.client import connect
        def greet(url):
            with connect(url) as socket: return socket.recv()
    """,
    "websockets, asynchronous": """
        import asyncio
        from websockets.asyncio.client import connect
        def greet(url):
            async def ask():
                async with connect(url) as socket: return await socket.recv()
            return asyncio.run(ask())
    """,
    "websockets before version 14": """
        import asyncio, warnings
        warnings.simplefilter("ignore")
        from websockets.legacy.client import connect
        def greet(url):
            async def ask():
                async with connect(url) as socket: return await socket.recv()
            return asyncio.run(ask())
    """,
    "websocket-client": """
        import websocket
        def greet(url):
            socket = websocket.create_connection(url, timeout=30)
            try: return socket.recv()
            finally: socket.close()
    """,
    "aiohttp": """
        import aiohttp, asyncio
        def greet(url):
            async def ask():
                async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
                    return await socket.receive_str()
            return asyncio.run(ask())
    """,
}


@pytest.mark.parametrize("client", WEBSOCKETS)
def test_a_websocket_is_marked_and_its_handshake_is_an_answer(entrance, run, client):
    result = run(
        WEBSOCKETS[client]
        + """
        import pytest
        def test_it(gw): assert greet("ws://shop.example.com/") == "hello"
        def test_a_replica(gw): assert greet(gw.urls[1].replace("http", "ws")) == "hello"
        def test_refused(gw):
            with pytest.raises(Exception, match="403"): greet("ws://shop.example.com/refused")
        def test_stable(gw):
            with gw.unmarked(): greet("ws://shop.example.com/")
    """
    )

    assert (result.passed, result.canary, result.baseline) == (4, 3, 1), (result.failures, result.odd_answers)
    assert not result.odd_answers
    assert entrance.hosts() == {HOST}


def test_an_executor_is_unmarked_as_the_block_that_gives_it_work(run):
    result = run("""
        import httpx, threading
        from concurrent.futures import ThreadPoolExecutor

        def ask(url, got): got.append(httpx.get(url).headers["x-served-by"])

        def test_it(gw, base_url):
            in_block, after, in_thread, before = [], [], [], []
            with ThreadPoolExecutor(1) as pool:
                with gw.unmarked():
                    pool.submit(ask, base_url, in_block).result()
                    thread = threading.Thread(target=ask, args=(base_url, in_thread))
                    thread.start()
                pool.submit(ask, base_url, after).result()
                thread.join()
            assert in_block[0].startswith("orders-77c") and in_thread[0].startswith("orders-77c")
            assert after[0].startswith("orders-canary")
            pool = ThreadPoolExecutor(1)
            pool.submit(ask, base_url, before).result()
            with gw.unmarked():
                list(pool.map(lambda _: ask(base_url, before), range(2)))
            pool.shutdown()
            assert [one.startswith("orders-canary") for one in before] == [True, False, False]
    """)

    assert (result.passed, result.canary, result.baseline) == (1, 2, 4), result.failures


def test_a_connection_of_a_client_that_nobody_knows_is_told(entrance, run):
    result = run("""
        import http.client, httpx, socket

        def ask(name):
            with socket.create_connection((name, 80)) as one:
                one.sendall(b"GET / HTTP/1.0\\r\\nhost: shop.example.com\\r\\n\\r\\n")
                assert b"orders-77c" in one.recv(1000)

        def test_known(client, base_url):
            client.get("/"); httpx.get(base_url)

        def test_by_hand(): ask("shop.example.com")

        def test_meant(gw):
            with gw.unmarked(): ask("shop.example.com")
    """)

    (told,) = result.unmarked_examples
    assert told.startswith("a connection to http://127.0.0.1:")
    assert told.endswith("by test_it")
    assert judge_suite(result).verdict is Verdict.INCONCLUSIVE
    assert f"one connection to the gateway came from a client that gatewayctl does not know: {told}" in str(
        judge_suite(result).text
    )


def test_a_redirect_to_another_port_of_the_public_name_is_told_once(entrance, run_suite):
    endpoints = replace(LoopbackGateway(urls=entrance.urls).endpoints(), base_url="http://localhost")
    result = run_suite(
        """
        import pytest, requests

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(base_url, number):
            with pytest.raises(requests.ConnectionError):
                requests.get(base_url + "/redirect?to=https://localhost/items", timeout=30)
        """,
        endpoints=endpoints,
    )

    assert result.passed == 2, result.failures
    assert result.unmarked_examples == (
        "a connection to localhost:443, which is not the gateway's port, by urllib3.util.connection",
    )
