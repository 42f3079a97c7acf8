"""What every dialect promises, tried on a small gateway of each; what is peculiar to one is tested beside it."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from gatewayctl.domain.errors import Refused, UsageFault
from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import (
    CanaryRule,
    Files,
    Limits,
    SourceFile,
    own_routes,
    rule_name,
    share_name,
    share_routes,
)
from gatewayctl.gateways.registry import GATEWAYS
from gatewayctl.ports import Dialect
from tests.contract.dialects import FAKES, SAMPLES, Sample, a_rule, insert_reversibly

ENDS = re.compile(r"\r?\n")


@pytest.fixture(params=[*SAMPLES, *FAKES], ids=lambda sample: sample.kind)
def sample(request: pytest.FixtureRequest) -> Sample:
    return request.param


@pytest.fixture
def dialect(sample: Sample) -> Dialect:
    return sample.dialect


SPLITTING = [one for one in (*SAMPLES, *FAKES) if one.dialect.limits.shares]
"""The gateways that can send a share of the unmarked requests to the canary."""


@pytest.fixture(params=SPLITTING, ids=lambda sample: sample.kind)
def splitting(request: pytest.FixtureRequest) -> Sample:
    return request.param


def a_share(share: int, app: str = "orders") -> CanaryRule:
    """An application's canary rule that takes `share` percent of the unmarked requests, too."""
    return replace(a_rule(app), share=share)


def respell(files: Files, change: Callable[[str], str]) -> Files:
    """The files, their text written in another way."""
    return tuple(SourceFile(file.name, change(file.text)) for file in files)


def views(dialect: Dialect, files: Files) -> list[tuple[str, ...]]:
    """Every route but for its line."""
    return [(one.place, one.match, one.target, one.name, one.header) for one in dialect.routes(files)]


respelled = pytest.mark.parametrize(
    "change",
    [
        str,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: f"\n\n{text}\n\n",
        lambda text: text.replace("# Owned", "# Жители: café, owned"),
    ],
    ids=["as it is", "CRLF", "no last line end", "blank lines", "other alphabets"],
)


@respelled
def test_what_is_inserted_is_removed_byte_for_byte_and_inserted_once(sample, dialect, change):
    before = respell(sample.files, change)

    after = insert_reversibly(dialect, before, a_rule())

    for old, new in zip(before, after, strict=True):
        assert set(ENDS.findall(new.text)) == set(ENDS.findall(old.text))


def test_no_line_of_a_person_is_changed_or_moved(sample, dialect):
    after = insert_reversibly(dialect, sample.files, a_rule())

    for old, new in zip(sample.files, after, strict=True):
        rest = iter(new.text.split("\n"))
        assert all(line in rest for line in old.text.split("\n"))


def test_the_rule_is_listed_with_its_name_header_and_stamp_and_other_routes_as_before(sample, dialect):
    rule = a_rule()
    before = views(dialect, sample.files)

    change = dialect.insert(sample.files, rule)

    after = change.apply(sample.files)
    ours = [view for view in views(dialect, after) if view[3] == rule.name]
    assert [view for view in views(dialect, after) if view not in ours] == before
    assert [view[4] for view in ours] == ["x-canary: always"] * len(change.covered) == ["x-canary: always"]
    assert [covered.target for covered in change.covered] == ["orders"]
    assert dialect.limits.stamp == any(rule.stamp in file.text for file in after)


def test_what_is_removed_is_what_was_listed(sample, dialect):
    after = insert_reversibly(dialect, sample.files, a_rule())

    removed = dialect.remove(after, "orders").covered

    assert [one.name for one in removed] == [
        one.name for one in dialect.routes(after) if one.name == rule_name("orders")
    ]


def test_what_is_not_there_needs_no_removal(sample, dialect):
    change = dialect.remove(sample.files, "orders")

    assert () == change.stages == change.covered


@pytest.mark.parametrize("rule", [a_rule(stamp="r-2"), a_rule(value="other")], ids=["stamp", "header"])
def test_a_rule_of_the_same_application_is_replaced(sample, dialect, rule):
    old = insert_reversibly(dialect, sample.files, a_rule())

    new = dialect.insert(old, rule).apply(old)

    assert new == insert_reversibly(dialect, sample.files, rule)


@pytest.mark.parametrize(("first", "second"), [("orders", "web"), ("web", "orders")])
def test_rules_of_two_applications_come_and_go_independently(sample, dialect, first, second):
    one = insert_reversibly(dialect, sample.files, a_rule(first))

    both = insert_reversibly(dialect, one, a_rule(second))

    assert {view[3] for view in views(dialect, both)} >= {rule_name("orders"), rule_name("web")}
    rest = dialect.remove(both, first).apply(both)
    assert rest == insert_reversibly(dialect, sample.files, a_rule(second))


def test_a_service_without_a_route_is_refused_with_its_name(sample, dialect):
    with pytest.raises(Refused, match="payments") as refusal:
        dialect.insert(sample.files, a_rule("payments"))

    assert str(refusal.value).startswith(f"{sample.files[0].name}:")


def test_what_cannot_be_read_for_certain_is_refused_with_its_line(sample, dialect):
    broken = (SourceFile("broken", sample.broken),)

    with pytest.raises(Refused) as refusal:
        dialect.insert(broken, a_rule())

    assert str(refusal.value).startswith(f"broken:{sample.line}: ")


def test_only_odd_spellings_of_the_right_value_may_reach_the_canary(sample, dialect):
    odd = {LeakCase.OTHER_CASE, LeakCase.SENT_TWICE, LeakCase.COMMA_LIST}

    for case in set(LeakCase) - odd:
        assert dialect.limits.allowed(case) == {Attribution.STABLE}


def test_each_covered_route_has_a_request_that_it_takes(sample, dialect):
    """s45: without one, a proof could not ask every route."""
    (covered,) = dialect.insert(sample.files, a_rule()).covered

    (example,) = covered.examples
    assert (example.why_not, example.headers) == ("", ())
    assert example.path.rstrip("/") == "/api/orders"
    assert re.search(example.taken, "/api/orders/7")
    assert not re.search(example.taken, "/api/ordered")


@respelled
@pytest.mark.parametrize("share", [1, 50, 100])
def test_a_share_is_removed_byte_for_byte_and_inserted_once(splitting, change, share):
    before = respell(splitting.files, change)

    after = insert_reversibly(splitting.dialect, before, a_share(share))

    for old, new in zip(before, after, strict=True):
        assert set(ENDS.findall(new.text)) == set(ENDS.findall(old.text))
        rest = iter(ENDS.split(new.text))
        assert all(line in rest for line in ENDS.split(old.text))


def test_a_share_is_listed_with_its_name_percentage_and_target_and_other_routes_as_before(splitting):
    dialect, rule = splitting.dialect, a_share(5)
    before = views(dialect, splitting.files)

    change = dialect.insert(splitting.files, rule)

    routes = dialect.routes(change.apply(splitting.files))
    shares = share_routes(routes, "orders")
    assert {(one.share, one.header) for one in shares} == {(5, "")}
    assert {one.target for one in shares} == {one.target for one in own_routes(routes, "orders")}
    assert [one.share for one in routes if one not in shares] == [0] * (len(routes) - len(shares))
    ours = {rule.name, rule.share_name}
    assert [view for view in views(dialect, change.apply(splitting.files)) if view[3] not in ours] == before
    assert [covered.target for covered in change.covered] == ["orders"]


def test_the_header_rule_is_the_same_at_every_share(splitting):
    """I2: marked requests go to the canary whatever the share is."""
    dialect = splitting.dialect
    alone = insert_reversibly(dialect, splitting.files, a_rule())
    listed = [replace(one, line=0) for one in own_routes(dialect.routes(alone), "orders")]

    for share in (1, 50, 99, 100):
        routes = dialect.routes(insert_reversibly(dialect, splitting.files, a_share(share)))
        assert [replace(one, line=0) for one in own_routes(routes, "orders")] == listed != []


def test_a_rule_without_a_share_writes_none(splitting):
    after = insert_reversibly(splitting.dialect, splitting.files, a_share(0))

    assert share_routes(splitting.dialect.routes(after), "orders") == ()
    assert not any(share_name("orders") in file.text for file in after)


def test_a_share_changed_step_by_step_equals_a_fresh_one(splitting):
    dialect = splitting.dialect
    files = splitting.files

    for share in (0, 5, 50, 100, 50, 0):
        files = dialect.insert(files, a_share(share)).apply(files)

        assert files == insert_reversibly(dialect, splitting.files, a_share(share))

    assert dialect.remove(files, "orders").apply(files) == splitting.files


@pytest.mark.parametrize("rule", [a_rule(stamp="r-2"), a_rule(value="other")], ids=["stamp", "header"])
def test_a_share_follows_the_rule_when_that_is_replaced(splitting, rule):
    dialect, wanted = splitting.dialect, replace(rule, share=20)
    old = insert_reversibly(dialect, splitting.files, a_share(20))

    assert dialect.insert(old, wanted).apply(old) == insert_reversibly(dialect, splitting.files, wanted)


@pytest.mark.parametrize(("first", "second"), [("orders", "web"), ("web", "orders")])
def test_shares_of_two_applications_come_and_go_independently(splitting, first, second):
    dialect = splitting.dialect
    one = insert_reversibly(dialect, splitting.files, a_share(10, first))

    both = insert_reversibly(dialect, one, a_share(30, second))

    found = {app: {view.share for view in share_routes(dialect.routes(both), app)} for app in ("orders", "web")}
    assert found == {first: {10}, second: {30}}
    fresh = insert_reversibly(dialect, splitting.files, a_share(60, first))
    raised = dialect.insert(both, a_share(60, first)).apply(both)
    assert raised == insert_reversibly(dialect, fresh, a_share(30, second))
    assert dialect.remove(both, first).apply(both) == insert_reversibly(dialect, splitting.files, a_share(30, second))


def test_a_gateway_that_cannot_split_refuses_a_share_before_anything_is_touched():
    Limits(shares=True).permit(a_share(5))
    Limits().permit(a_share(0))

    with pytest.raises(UsageFault, match="cannot send a share of the requests for orders"):
        Limits().permit(a_share(5))


def test_there_is_a_sample_of_every_gateway():
    assert {one.kind for one in SAMPLES} == set(GATEWAYS)
