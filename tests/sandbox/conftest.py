"""One shop for all tests of this folder, brought back to its start before each."""

from collections.abc import Iterator

import pytest

from tests.sandbox.shop import Shop, a_shop, shorten_times


@pytest.fixture(scope="session")
def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with a_shop(tmp_path_factory.mktemp("shop"), shorten_times) as shop:
        yield shop


@pytest.fixture
def shop(shared_shop: Shop) -> Shop:
    shared_shop.reset()
    return shared_shop
