"""Which tests the configuration means that need no answer of the canary."""

import pytest

from gatewayctl.domain.unproven import Unproven, find_reason


@pytest.mark.parametrize(
    ("named", "covered"),
    [
        ("smoke/orders/test_items.py", True),
        ("orders/test_items.py", True),
        ("test_items.py", True),
        ("smoke", True),
        ("smoke/orders/", True),
        ("test_items.py::TestOrders", True),
        ("test_items.py::TestOrders::test_sum", True),
        ("test_items.py::TestOrders::test_sum[one::two]", True),
        ("items.py", False),
        ("test_items", False),
        ("orders/test_item", False),
        ("/", False),
        ("::TestOrders", False),
        ("test_items.py::TestOrder", False),
        ("test_items.py::test_sum", False),
        ("test_items.py::TestOrders::test_su", False),
        ("test_items.py::TestOrders::test_sum[one]", False),
        ("test_other.py::TestOrders", False),
    ],
)
def test_a_test_is_named_by_whole_parts_of_its_id(named, covered):
    reason = find_reason((Unproven(named, "arithmetic"),), "smoke/orders/test_items.py::TestOrders::test_sum[one::two]")

    assert reason == ("arithmetic" if covered else "")


def test_the_first_reason_that_fits_is_given():
    both = (Unproven("smoke/a", "one"), Unproven("smoke", "two"))

    assert [find_reason(both, f"smoke/{name}/test_it.py::test") for name in ("a", "b")] == ["one", "two"]
    assert find_reason((), "smoke/a/test_it.py::test") == ""
