"""One shop for all the tests here, as at its beginning for each."""

from collections.abc import Iterator

import pytest

from tests.sandbox.shop import Shop, a_shop, quickly


@pytest.fixture(scope="session")
def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with a_shop(tmp_path_factory.mktemp("shop"), quickly) as shop:
        yield shop


@pytest.fixture
def shop(shared_shop: Shop) -> Shop:
    shared_shop.reset()
    return shared_shop
