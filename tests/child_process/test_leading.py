"""Clients of the public name arrive at the replicas, whatever library they use."""

import pytest

from tests.adapters.smoke.gateway import HOST, run_gateway

GET_TWICE = {
    "httpx": """
        import httpx
        for _ in range(2):
            assert httpx.get(BASE + "/items").json()["pod"]
    """,
    "httpx, asynchronous": """
        import asyncio, httpx
        async def ask():
            for _ in range(2):
                async with httpx.AsyncClient(base_url=BASE) as client:
                    assert (await client.get("/items")).json()["pod"]
        asyncio.run(ask())
    """,
    "requests": """
        import requests
        for _ in range(2):
            assert requests.get(BASE + "/items").json()["pod"]
    """,
    "urllib3": """
        import urllib3
        for _ in range(2):
            assert urllib3.PoolManager().request("GET", BASE + "/items").json()["pod"]
    """,
    "urllib": """
        import urllib.request
        for _ in range(2):
            with urllib.request.urlopen(BASE + "/items") as answer:
                assert answer.status == 200
    """,
    "http.client": """
        import http.client
        for _ in range(2):
            connection = http.client.HTTPConnection("shop.example.com")
            connection.request("GET", "/items")
            assert connection.getresponse().status == 200
    """,
    "aiohttp": """
        import asyncio, aiohttp
        async def ask():
            for _ in range(2):
                async with aiohttp.ClientSession() as session, session.get(BASE + "/items") as answer:
                    assert (await answer.json())["pod"]
        asyncio.run(ask())
    """,
    "a socket that resolves by itself": """
        import socket
        for _ in range(2):
            with socket.socket() as one:
                one.connect(("SHOP.example.com.", 80))
                one.sendall(b"GET /items HTTP/1.1\\r\\nhost: shop.example.com\\r\\nconnection: close\\r\\n\\r\\n")
                assert one.recv(100).startswith(b"HTTP/1.1 200")
    """,
    "a socket that resolves without the port": """
        import socket
        address = socket.gethostbyname("shop.example.com")
        assert socket.gethostbyname_ex("shop.example.com")[2] == [address]
        assert socket.getaddrinfo("shop.example.com", None)[0][4][0] == address
        for _ in range(2):
            with socket.create_connection((address, 80)) as one:
                one.sendall(b"GET /items HTTP/1.1\\r\\nhost: shop.example.com\\r\\nconnection: close\\r\\n\\r\\n")
                assert one.recv(100).startswith(b"HTTP/1.1 200")
    """,
}

GEVENT = """
    from locust import FastHttpUser, HttpUser
    from locust.env import Environment

    for kind in (HttpUser, FastHttpUser):
        for _ in range(2):
            user = type("User", (kind,), {"host": BASE})(Environment())
            assert user.client.get("/items").json()["pod"]
"""


@pytest.mark.parametrize("client", GET_TWICE)
def test_connections_to_the_public_name_take_the_replicas_in_turn(gateway, run_client, client):
    seen = run_client(GET_TWICE[client])

    assert seen == list(gateway.urls)
    assert [one.replica for one in gateway.seen] == list(gateway.urls)
    assert {one.host for one in gateway.seen} == {HOST}


@pytest.mark.parametrize("first", ["", "import locust", "import gevent.monkey; gevent.monkey.patch_all()"])
def test_gevent_is_led_whether_it_is_imported_before_or_after(gateway, run_client, first):
    seen = run_client(GEVENT, first=first)

    assert seen == [*gateway.urls, *gateway.urls]
    assert {one.host for one in gateway.seen} == {HOST}


def test_a_client_may_choose_the_replica_and_a_replica_of_its_own_is_reached(gateway, run_client):
    seen = run_client("""
        import httpx
        for url in (URLS[1], URLS[1], URLS[0]):
            with led_to(url):
                httpx.get(BASE + "/items")
        httpx.get(URLS[1] + "/items")
    """)

    first, second = gateway.urls
    assert seen == [one.replica for one in gateway.seen] == [second, second, first, second]


def test_other_hosts_and_other_ports_are_left_alone(gateway, run_client):
    with run_gateway(replicas=1) as elsewhere:
        seen = run_client(
            f"""
            import httpx, socket
            httpx.get("{elsewhere.urls[0]}/items")
            httpx.get("{elsewhere.urls[0].replace("127.0.0.1", "localhost")}/items")
            for connect in (socket.socket.connect, socket.socket.connect_ex):
                with socket.socket() as one:
                    connect(one, (socket.gethostbyname("localhost"), {elsewhere.urls[0].rpartition(":")[2]}))
                    assert one.getpeername()[0] == "127.0.0.1"
            with socket.socket(type=socket.SOCK_DGRAM) as one:
                one.connect(("127.0.0.1", 80))
                assert one.getpeername() == ("127.0.0.1", 80)
            """,
            base_url="http://localhost",
        )

    assert seen == gateway.seen == []
    assert len(elsewhere.seen) == 2


def test_a_socket_that_does_not_block_gets_one_replica_however_often_it_asks(gateway, run_client):
    seen = run_client("""
        import select, socket
        for _ in range(2):
            with socket.socket() as one:
                one.setblocking(False)
                one.connect_ex(("shop.example.com", 80))
                select.select([], [one], [], 30)
                one.connect_ex(("shop.example.com", 80))
                assert one.getpeername()[1] == int(URLS[_].rpartition(":")[2])
    """)

    assert list(dict.fromkeys(seen)) == list(gateway.urls)


def test_without_a_usable_name_only_the_replicas_own_addresses_lead_there(gateway, run_client):
    seen = run_client("import httpx\nhttpx.get(BASE + '/items'); httpx.get(BASE + '/items')", base_url=gateway.urls[0])

    assert seen == [gateway.urls[0]] * 2
