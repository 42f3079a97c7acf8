"""Requests to servers that are no gateway replica, such as a registry."""

import pytest

from gatewayctl.adapters.http import fetch
from gatewayctl.domain.errors import Transient
from tests.adapters.test_http import OK, dripping, saying, speaking


def test_a_server_that_is_no_replica_gets_its_path_query_and_form():
    heads: list[bytes] = []
    with speaking(saying(OK + b"content-length: 2\r\n\r\nok"), heads) as address:
        got = fetch(f"http://{address}/a%2Fb?c=d", (("accept", "application/json"),))
        fetch(f"http://{address}", form="name=x")

    assert (got.status, got.body) == (200, "ok")
    assert heads[0].startswith(b"GET /a%2Fb?c=d HTTP/1.1\r\nhost: " + address.encode())
    assert b"accept: application/json\r\n" in heads[0].lower()
    assert heads[1].startswith(b"POST / HTTP/1.1\r\n")
    assert b"content-length: 6\r\n" in heads[1].lower()


def test_a_server_that_answers_without_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gatewayctl.adapters.http._ADMIN_SECONDS", 0.3)
    with (
        speaking(dripping(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n.\r\n")) as address,
        pytest.raises(Transient, match=f"http://{address}/a does not answer: no whole answer within") as caught,
    ):
        fetch(f"http://{address}/a?token=secret")

    assert "secret" not in str(caught.value)
