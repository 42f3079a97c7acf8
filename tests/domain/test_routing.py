"""An edit as stages: each holds the files it changes, and none is empty."""

from gatewayctl.domain.routing import Change, RouteView, SourceFile


def files(**texts: str) -> tuple[SourceFile, ...]:
    return tuple(SourceFile(name, text) for name, text in texts.items())


def test_an_edit_at_once_has_one_stage_with_the_files_that_differ():
    change = Change.between(files(a="1", b="2", c="3"), files(a="1", b="two", c="three"))

    assert change.stages == (files(b="two", c="three"),)


def test_an_edit_in_steps_has_a_stage_for_each_that_changes_something():
    before, first, last = files(a="1", b="2"), files(a="one", b="2"), files(a="one", b="two")

    assert Change.between(before, first, first, last).stages == (files(a="one"), files(b="two"))
    assert Change.between(before, first, last).apply(before) == last


def test_a_step_back_is_a_stage_too():
    before, between = files(a="1"), files(a="one")

    assert Change.between(before, between, before).stages == (between, before)


def test_nothing_to_do_has_no_stage_but_keeps_what_is_covered_and_noted():
    route = RouteView("a", 1, "", "/", "web")

    assert Change.between(files(a="1"), files(a="1"), covered=(route,), notes=("so",)) == Change((), (route,), ("so",))
