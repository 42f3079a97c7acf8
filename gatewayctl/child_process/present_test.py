"""Whose request it is: that of the test that runs now, or that of a fixture with a wider scope while it is set up.

Both are variables of the environment (pytest itself keeps the test in one), so forked children, programs that a test
starts and threads all know them.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_TEST = "PYTEST_CURRENT_TEST"  # pytest's own: `node id (setup)`, `(call)` or `(teardown)`
_OUTER_TEST = "GATEWAYCTL_OUTER_TEST"  # in a pytest that a test of the suite started: that test
SETUP = "GATEWAYCTL_FIXTURE_SETUP"  # the fixture's set-up that runs now, or in which this process was started
VARIABLES = (_TEST, _OUTER_TEST, SETUP)
_OWNER = "gatewayctl_owner"  # of a thread: whose requests it sends, if they are not those of the test that runs now
_LONGEST_ID = 1000


@dataclass(frozen=True, slots=True)
class RequestOwner:
    """The test or the fixture's set-up that sent a request; both are empty when it proves no test."""

    test: str = ""
    setup: str = ""


_finders: list[Callable[[], RequestOwner | None]] = []


def shorten_id(test: str) -> str:
    """The id of a test as events have it: as pytest writes it in the environment, and not too long for a line."""
    plain = test.replace("\x00", "(null)")
    return plain if len(plain) <= _LONGEST_ID else f"{plain[: _LONGEST_ID - 20]}...{hash_text(plain)}"


def hash_text(text: str) -> str:
    """A short hash that is the same in every process."""
    from hashlib import sha256  # only for the rare long id

    return sha256(text.encode(errors="replace")).hexdigest()[:16]


def find_owner() -> RequestOwner:
    """The owner of a request that this thread sends now.

    In its teardown a test has its outcome already, and a fixture that ends there is often not its own: no test.
    """
    if known := next(filter(None, (find() for find in _finders)), None):
        return known
    bound: RequestOwner | None = getattr(threading.current_thread(), _OWNER, None)
    if bound is not None:
        return bound
    if setup := os.environ.get(SETUP, ""):
        return RequestOwner(setup=setup)
    test, _, phase = (os.environ.get(_OUTER_TEST) or os.environ.get(_TEST, "")).rpartition(" (")
    return RequestOwner() if phase == "teardown)" else RequestOwner(test=shorten_id(test))


def ask_first(find: Callable[[], RequestOwner | None]) -> None:
    """From now on, `find` knows the owner of some requests; it returns None for those of others."""
    _finders.append(find)


def is_calling() -> bool:
    """Whether the function of a test runs now, and not its set-up."""
    return os.environ.get(_TEST, "").endswith(" (call)")


def is_inside_test() -> bool:
    """Whether a test runs now, or started this process."""
    return _TEST in os.environ or _OUTER_TEST in os.environ


def keep_outer_test() -> None:
    """From now on, requests of this process belong to the test that started it, also while it runs tests itself."""
    os.environ.setdefault(_OUTER_TEST, os.environ.get(_TEST, ""))


@contextlib.contextmanager
def setting_up(setup: str) -> Iterator[None]:
    """Requests inside the block belong to this set-up; it may be inside another one."""
    before = os.environ.get(SETUP)
    os.environ[SETUP] = setup
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SETUP, None)
        else:
            os.environ[SETUP] = before


def bind(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the present owner: whoever gives it to an executor owns its requests, whenever it runs."""
    owner = find_owner()

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> Any:
        thread = threading.current_thread()
        before = getattr(thread, _OWNER, None)
        setattr(thread, _OWNER, owner)
        try:
            return function(*args, **options)
        finally:
            setattr(thread, _OWNER, before)

    return run


def follow_threads() -> None:
    """From now on, requests of a thread that a fixture starts in its set-up belong to that set-up.

    So a thread that sends requests all the time proves no test that runs meanwhile. The threads of an executor are
    excepted: they work for whoever gives them a task.
    """
    start = threading.Thread.start

    def start_known(self: Any) -> None:
        target = getattr(self, "_target", None)
        if getattr(target, "__module__", "") != "concurrent.futures.thread":
            inherited = getattr(threading.current_thread(), _OWNER, None)
            setup = os.environ.get(SETUP, "")
            setattr(self, _OWNER, inherited or (RequestOwner(setup=setup) if setup else None))
        start(self)

    threading.Thread.start = start_known  # type: ignore[method-assign]
