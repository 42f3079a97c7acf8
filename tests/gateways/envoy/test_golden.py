"""Every shape of file once: what the edit makes of it, and that it leaves no trace when it is undone."""

import json
from pathlib import Path

import pytest

from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.registry import gateway
from tests.gateways.envoy.samples import a_rule

GOLDEN = Path(__file__).parents[2] / "golden" / "envoy"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
DIALECT = gateway("envoy").dialect


def read_case(case: str, which: str) -> Files:
    paths = sorted((GOLDEN / case).glob(f"{which}*.yaml"))
    return tuple(SourceFile(path.name.removeprefix(f"{which}."), path.read_bytes().decode()) for path in paths)


def rule_of(case: str):
    path = GOLDEN / case / "rule.json"
    return a_rule(**(json.loads(path.read_text()) if path.exists() else {}))


@pytest.mark.parametrize("case", CASES)
def test_an_insert_gives_the_stored_text(case):
    before = read_case(case, "before")

    change = DIALECT.insert(before, rule_of(case))

    assert read_case(case, "after") == change.apply(before)


@pytest.mark.parametrize("case", CASES)
def test_a_rule_is_removed_byte_for_byte(case):
    after = read_case(case, "after")

    change = DIALECT.remove(after, "orders")

    assert read_case(case, "before") == change.apply(after)


@pytest.mark.parametrize("case", CASES)
def test_a_rule_that_an_older_version_marked_by_its_name_is_removed_byte_for_byte(case):
    named = read_case(case, "named")

    change = DIALECT.remove(named, "orders")

    assert read_case(case, "before") == change.apply(named)
    assert {route.name for route in change.covered} == {"gatewayctl-orders-canary"}


@pytest.mark.parametrize("case", CASES)
def test_a_rule_that_an_older_version_marked_by_its_name_is_replaced(case):
    named = read_case(case, "named")

    change = DIALECT.insert(named, rule_of(case))

    assert read_case(case, "after") == change.apply(named)


@pytest.mark.parametrize("case", CASES)
def test_an_insert_of_what_is_there_changes_nothing(case):
    after = read_case(case, "after")

    assert DIALECT.insert(after, rule_of(case)).stages == ()


@pytest.mark.parametrize("case", CASES)
def test_a_rule_of_another_release_is_replaced_in_place(case):
    before = read_case(case, "before")
    old = a_rule(value="r-0", stamp="r-0", canary_host=rule_of(case).canary_host)
    with_old = DIALECT.insert(before, old).apply(before)
    assert with_old != read_case(case, "after")

    change = DIALECT.insert(with_old, rule_of(case))

    assert read_case(case, "after") == change.apply(with_old)


@pytest.mark.parametrize("case", CASES)
def test_every_route_of_the_service_gets_exactly_one_canary_right_above_it(case):
    after = read_case(case, "after")
    views = DIALECT.routes(after)
    covered = DIALECT.insert(read_case(case, "before"), rule_of(case)).covered

    canaries = [index for index, view in enumerate(views) if view.name == "gatewayctl-orders-canary"]

    assert len(covered) == len(canaries) > 0
    for index in canaries:
        canary, stable = views[index : index + 2]
        assert canary.header == "x-canary: always"
        assert "orders" in stable.target
        assert (canary.file, canary.place, canary.match) == (stable.file, stable.place, stable.match)
        assert canary.line <= stable.line  # one line for both where a list is written in one
