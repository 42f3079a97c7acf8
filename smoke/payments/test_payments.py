"""What the payments application promises its callers."""

import httpx


def test_it_is_healthy(client: httpx.Client) -> None:
    assert client.get("/api/payments/health").json()["status"] == "ok"


def test_payments_are_listed(client: httpx.Client) -> None:
    assert client.get("/api/payments/items").json()


def test_a_listed_payment_can_be_read(client: httpx.Client) -> None:
    first = client.get("/api/payments/items").json()[0]

    assert client.get(f"/api/payments/items/{first['id']}").json()["name"] == first["name"]


def test_an_unknown_payment_is_not_found(client: httpx.Client) -> None:
    assert client.get("/api/payments/items/999999").status_code == 404


def test_a_payment_is_accepted(client: httpx.Client) -> None:
    assert client.post("/api/payments/items", json={"amount": 12}).status_code == 201
