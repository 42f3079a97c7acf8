"""What the orders application promises its callers. `client` comes from gatewayctl and reaches the canary."""

import httpx


def test_it_is_healthy(client: httpx.Client) -> None:
    answer = client.get("/api/orders/health")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_items_are_listed(client: httpx.Client) -> None:
    answer = client.get("/api/orders/items")

    assert answer.status_code == 200
    items = answer.json()
    assert items
    assert all(item["name"] for item in items)


def test_item_ids_are_unique(client: httpx.Client) -> None:
    ids = [item["id"] for item in client.get("/api/orders/items").raise_for_status().json()]

    assert sorted(set(ids)) == sorted(ids)


def test_every_listed_item_can_be_read(client: httpx.Client) -> None:
    for item in client.get("/api/orders/items").raise_for_status().json():
        answer = client.get(f"/api/orders/items/{item['id']}")

        assert answer.status_code == 200
        assert answer.json()["name"] == item["name"]


def test_an_unknown_item_is_not_found(client: httpx.Client) -> None:
    assert client.get("/api/orders/items/999999").status_code == 404


def test_an_item_is_created(client: httpx.Client) -> None:
    answer = client.post("/api/orders/items", json={"name": "tea"})

    assert answer.status_code == 201


def test_what_is_created_is_what_was_sent(client: httpx.Client) -> None:
    answer = client.post("/api/orders/items", json={"name": "tea", "amount": 2})

    assert answer.json()["received"] == {"name": "tea", "amount": 2}


def test_a_broken_body_is_refused(client: httpx.Client) -> None:
    answer = client.post("/api/orders/items", content=b"{", headers={"content-type": "application/json"})

    assert answer.status_code == 400
