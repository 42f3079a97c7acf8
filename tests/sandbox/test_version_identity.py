"""A whole release of an application that names itself by its version, on real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.shop import NEW, Shop, a_shop, shorten_times

pytestmark = pytest.mark.sandbox


def name_versions(folder: Path) -> None:
    """Both applications answer with their version, and payments runs the number that orders gets."""
    shorten_times(folder)
    file = folder / "gateway-config" / "gatewayctl.yaml"
    text = file.read_text()
    assert text.count("identify: {header: x-served-by}") == 2
    file.write_text(text.replace("identify: {header: x-served-by}", "identify: {header: x-version}"))
    world = folder / "gateway-config" / "sandbox.yaml"
    text = world.read_text()
    assert 'payments: {image: "shop/payments:1.0"' in text
    world.write_text(text.replace('payments: {image: "shop/payments:1.0"', 'payments: {image: "shop/payments:1.1"', 1))


@pytest.fixture
def shop(tmp_path) -> Iterator[Shop]:
    with a_shop(tmp_path, name_versions) as shop:
        yield shop


def test_a_canary_that_is_known_by_its_version_is_promoted(shop):
    done = shop.release(NEW)

    assert done.returncode == 0, done.stderr
    assert shop.is_promoted()
