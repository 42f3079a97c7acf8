"""Whose requests a task of asyncio sends: those of the fixture with a wide scope in whose set-up it was made.

So a task that sends requests all the time proves no test that runs meanwhile; the same holds for threads.
"""

import asyncio
import functools
import os
import weakref
from typing import Any

from gatewayctl.child_process.present_test import SETUP, RequestOwner, ask_first

_owners: "weakref.WeakKeyDictionary[Any, RequestOwner]" = weakref.WeakKeyDictionary()


def _find_task_owner() -> RequestOwner | None:
    """The owner of the task that runs now; None if there is none, or if it sends requests of the test that runs."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs in this thread
        return None
    return _owners.get(task) if task is not None else None


def follow_tasks(base_events: Any) -> None:
    """From now on, know in which set-up a task was made; `base_events` is the module of asyncio."""
    create = base_events.BaseEventLoop.create_task

    @functools.wraps(create)
    def create_known(self: Any, coro: Any, **options: Any) -> Any:
        setup = os.environ.get(SETUP, "")
        owner = _find_task_owner() or (RequestOwner(setup=setup) if setup else None)
        task = create(self, coro, **options)
        if owner is not None and not _runs_tests(coro):
            _owners[task] = owner
        return task

    base_events.BaseEventLoop.create_task = create_known
    ask_first(_find_task_owner)


def _runs_tests(coro: Any) -> bool:
    """Whether it is the task of anyio's plugin that runs fixtures and tests; the first fixture makes it."""
    return str(getattr(coro, "__qualname__", "")).startswith("TestRunner.")
