"""Objects of the API are read without trust: what is absent, or of another type, is empty."""

import pytest

from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part, texts

POD = {
    "metadata": {"name": "orders", "labels": {"app": "orders", "count": 3, "none": None}, "generation": 4},
    "status": {"conditions": [{"type": "Ready"}, "odd", None], "phase": "Running"},
}


@pytest.mark.parametrize(
    "path", [("spec",), ("metadata", "annotations"), ("status", "phase"), ("metadata", "name", "x")]
)
def test_a_part_that_is_not_there_or_no_object_is_empty(path):
    assert part(POD, *path) == {}
    assert texts(POD, *path) == {}
    assert items(POD, *path) == []


def test_what_is_there_is_read_and_odd_values_are_left_out():
    assert part(POD, "metadata", "labels") == {"app": "orders", "count": 3, "none": None}
    assert texts(POD, "metadata", "labels") == {"app": "orders"}
    assert items(POD, "status", "conditions") == [{"type": "Ready"}]
    assert name_of(POD) == "orders"


def test_a_number_or_a_name_that_is_absent_has_a_plain_default():
    assert (number(POD["metadata"], "generation"), number(POD["metadata"], "name"), number({}, "x")) == (4, 0, 0)
    assert name_of({}) == ""
