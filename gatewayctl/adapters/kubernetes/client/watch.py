"""Objects that are listed once and then kept current by a watch, so that nothing is sent while nothing happens.

What a watch says is late by the time that an event takes. An answer to a request is as old as its way back, so that is
no worse. Whatever is decided by such objects is either written conditionally or proven by traffic.
"""

import time
from collections.abc import Iterable
from contextlib import closing, suppress
from threading import Condition, Lock, Thread

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part

_WATCH = 180  # seconds of one watch; a connection that broke unnoticed is believed no longer than that
_FRESH = 0.5  # seconds for which a list is used again where no watch is possible


class Watch:
    """The objects of a list as of version `since`, kept current; it ends when nobody has read them for one watch.

    `changed` is notified at every event, and when the watch ends. `objects` are current while `is_live`: the server has
    agreed to send events. A watch that `has_ended` never becomes live again.
    """

    def __init__(
        self, api: Api, path: str, since: str, objects: Iterable[Object], changed: Condition, **query: str
    ) -> None:
        self._api, self._path, self._since = api, path, since
        self._query = {**query, "allowWatchBookmarks": "true"}
        self._objects = {name_of(one): one for one in objects}
        self._changed, self._is_used, self._events = changed, True, 0
        self.is_live = self.has_ended = False
        Thread(target=self._run, name=f"watch {path}", daemon=True).start()

    @property
    def events(self) -> int:
        """How many events there were so far."""
        return self._events

    @property
    def objects(self) -> dict[str, Object]:
        """The objects by name, as of now."""
        with self._changed:
            self._is_used = True
            return dict(self._objects)

    def update(self, found: Object) -> None:
        """Take over the answer to a request of ours; events older than it do not undo it."""
        with self._changed:
            self._store(found)

    def _run(self) -> None:
        try:
            with suppress(ApiFault):  # a reader that needs the fault sends a request of its own, and gets it
                self._follow()
        finally:
            with self._changed:
                self.is_live, self.has_ended = False, True
                self._changed.notify_all()

    def _follow(self) -> None:
        """Receive events, one watch after the other, for as long as somebody reads. Raises ApiFault when one breaks."""
        while self._is_used:
            self._is_used = False
            with closing(self._api.watch(self._path, self._since, _WATCH, **self._query)) as events:
                self.is_live = True
                for event in events:
                    self._apply(str(event.get("type")), part(event, "object"))

    def _apply(self, kind: str, found: Object) -> None:
        with self._changed:
            self._events += 1
            self._since = _version(found) or self._since
            if kind == "DELETED":
                self._objects.pop(name_of(found), None)
            elif kind in ("ADDED", "MODIFIED"):
                self._store(found)
            self._changed.notify_all()

    def _store(self, found: Object) -> None:
        stored = self._objects.get(name_of(found))
        if stored is None or not _is_older(found, stored):
            self._objects[name_of(found)] = found


class WatchedList:
    """The objects of one list request, kept current by a watch for as long as somebody reads them."""

    def __init__(self, api: Api, path: str, **query: str) -> None:
        self._api, self._path, self._query = api, path, query
        self._lock, self._changed = Lock(), Condition()
        self._watch: Watch | None = None
        self._listed: tuple[Object, ...] = ()
        self._until = 0.0

    def read(self) -> tuple[Object, ...]:
        """The objects as of now; where no watch is possible, as of half a second ago. Raises ApiFault."""
        with self._lock:
            if self._watch is not None and self._watch.is_live:
                return tuple(self._watch.objects.values())
            if time.monotonic() >= self._until:
                self._list()
            return self._listed

    def _list(self) -> None:
        found = self._api.get(self._path, **self._query)
        self._listed = tuple(items(found, "items"))
        self._until = time.monotonic() + _FRESH
        if self._watch is None or self._watch.has_ended:
            self._watch = Watch(self._api, self._path, _version(found), self._listed, self._changed, **self._query)


class WatchedObject:
    """One object, got by a request; from the second read on a watch keeps it current while somebody reads it."""

    def __init__(self, api: Api, collection: str, name: str) -> None:
        self._api, self._collection, self._name = api, collection, name
        self._lock, self._changed = Lock(), Condition()
        self._watch: Watch | None = None
        self._was_read = False

    def read(self) -> Object:
        """The object as of now. Raises NotFound, ApiFault."""
        watch = self._watch
        found = watch.objects.get(self._name) if watch and watch.is_live else None
        if found:
            return found
        found, again = self.get(), self._was_read
        self._was_read = True
        if again:
            self.follow(found)
        return found

    def get(self) -> Object:
        """The object by a request of its own, for a caller that knows the watched one to be old. Raises ApiFault."""
        found = self._api.get(f"{self._collection}/{self._name}")
        self.update(found)
        return found

    def update(self, found: Object) -> None:
        """Take over the object as another request got or wrote it just now."""
        if self._watch is not None:
            self._watch.update(found)

    def follow(self, found: Object) -> None:
        """Watch it from `found` on, unless it is watched already."""
        with self._lock:
            if self._watch is None or self._watch.has_ended:
                only = {"fieldSelector": f"metadata.name={self._name}"}
                self._watch = Watch(self._api, self._collection, _version(found), (found,), self._changed, **only)


def _version(found: Object) -> str:
    return str(part(found, "metadata").get("resourceVersion", ""))


def _is_older(found: Object, stored: Object) -> bool:
    """Whether `found` is an earlier state; the versions of one object are numbers that grow."""
    new, old = _version(found), _version(stored)
    return new.isdecimal() and old.isdecimal() and int(new) < int(old)
