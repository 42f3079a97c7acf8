"""The shop as a customer's browser sees it. It knows nothing of gatewayctl: the public URL is all that it needs."""

import os

import requests

BASE_URL = os.environ.get("BASE_URL", "https://shop.example.com")


class ShopClient:
    """One customer's session, which keeps its cookies."""

    def __init__(self) -> None:
        self._session = requests.Session()

    def login(self) -> requests.Response:
        """Log in; the answer sets a cookie."""
        return self._session.post(f"{BASE_URL}/api/orders/login")

    def account(self) -> requests.Response:
        """The account page, which only a customer with the cookie sees."""
        return self._session.get(f"{BASE_URL}/api/orders/account")
