"""Which set-ups of fixtures a test names, so that an answer that a fixture got counts for the tests that use it.

A test names a fixture in its arguments or with `usefixtures`, or asks for it with `getfixturevalue`. What such a
fixture names counts, too. A fixture that pytest adds by itself (`autouse`, `setup_module`) is not named. Every set-up
has an id, because a fixture is set up again for another module, parameter or process.
"""

import functools
import itertools
import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from gatewayctl.child_process.present_test import is_calling, setting_up


class FixtureSetups:
    """A plugin of pytest that gives an id to each set-up of a fixture whose scope is wider than one test."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._definitions: defaultdict[str, dict[Any, str]] = defaultdict(dict)  # by name, each with its last set-up
        self._asked: defaultdict[str, set[str]] = defaultdict(set)  # by fixtures, or "" by the test, in their code

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: "pytest.FixtureDef[Any]") -> Iterator[None]:
        """A fixture is set up; a fixture for one test only is part of the test."""
        if fixturedef.scope == "function":
            self._definitions[fixturedef.argname][fixturedef] = ""
            yield
            return
        setup = f"{os.getpid()}-{next(self._numbers)}"
        self._definitions[fixturedef.argname][fixturedef] = setup
        with setting_up(setup):
            yield

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """A test begins."""
        self._asked.pop("", None)

    def note_requests(self) -> None:
        """From now on, see the fixtures that tests and fixtures ask for in their code."""
        get = pytest.FixtureRequest.getfixturevalue
        asked = self._asked

        @functools.wraps(get)
        def get_noted(request: Any, argname: str) -> Any:
            # pytest calls it, too, for all fixtures of a test before it calls the test.
            if request.fixturename or is_calling():
                asked[request.fixturename or ""].add(argname)
            return get(request, argname)

        pytest.FixtureRequest.getfixturevalue = get_noted  # type: ignore[method-assign, assignment]

    def named_by(self, item: pytest.Item) -> dict[str, str]:
        """The set-ups that a test names, directly or through other fixtures, each with its fixture's name."""
        # pytest has no public way to tell arguments from autouse; this one is in its versions 7 to 9.
        arguments = getattr(getattr(item, "_fixtureinfo", None), "argnames", ())
        marked = [name for mark in item.iter_markers("usefixtures") for name in mark.args]
        waiting, seen, found = [*arguments, *marked, *self._asked.get("", ())], set(), dict[str, str]()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            # The nearest definition is the test's; it may ask for the one that it replaces.
            for definition in self._visible(name, item.nodeid):
                found[self._definitions[name][definition]] = name
                waiting += [*definition.argnames, *self._asked.get(name, ())]
                if name not in definition.argnames:
                    break
        return {setup: name for setup, name in found.items() if setup}

    def _visible(self, name: str, test: str) -> list[Any]:
        """The definitions with this name that a test can have and that were set up, the nearest one first."""
        places = {definition: _place_of(definition) for definition in self._definitions.get(name, ())}
        visible = [definition for definition, place in places.items() if _path_of(test).startswith(place)]
        return sorted(visible, key=lambda definition: len(places[definition]), reverse=True)


def _place_of(definition: Any) -> str:
    """The start of the paths of the tests that can have a fixture; empty for all tests."""
    node = getattr(definition, "node", None)  # since pytest 9, in place of baseid
    place = definition.baseid if node is None else node.nodeid
    return "" if place in ("", ".") else _path_of(place)


def _path_of(node: str) -> str:
    """The id of a folder, file, class or test with one separator, also at its end."""
    return node.replace("::", "/") + "/"
