"""Customers who look around and sometimes order: each request goes to stable and canary side by side."""

import random

from locust import between, task

from gatewayctl.load import PairedUser


class Customer(PairedUser):
    """Browses the items, reads one, and now and then orders."""

    wait_time = between(0.01, 0.05)

    @task(5)
    def browse(self) -> None:
        self.client.get("/api/orders/items")

    @task(3)
    def read(self) -> None:
        self.client.get(f"/api/orders/items/{random.randint(1, 5)}", name="/api/orders/items/[id]")

    @task
    def order(self) -> None:
        with self.client.post("/api/orders/items", json={"name": "tea"}, catch_response=True) as answer:
            if answer.status_code != 201:
                answer.failure(f"expected 201, got {answer.status_code}")
