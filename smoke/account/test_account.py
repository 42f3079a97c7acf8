"""Logins and cookies, with requests: a suite with its own virtual environment, for a gateway with or without TLS."""

import pytest
from shop_client import ShopClient


@pytest.fixture
def customer() -> ShopClient:
    client = ShopClient()
    assert client.login().status_code == 200
    return client


def test_who_has_logged_in_sees_the_account(customer: ShopClient) -> None:
    answer = customer.account()

    assert answer.status_code == 200
    assert answer.json()["customer"] == "anna"


def test_nobody_else_does() -> None:
    assert ShopClient().account().status_code == 401
