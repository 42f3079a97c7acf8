"""Objects as the API server tells of them: one list, then one watch, and no request while nothing happens.

What a feed says lags behind by the time that an event takes. That is as good as a request, which is as old as its way
back: whatever is decided by it is either written conditionally or proven by traffic.
"""

import time
from collections.abc import Iterable
from contextlib import closing, suppress
from threading import Condition, Lock, Thread

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part

_WATCH = 180  # seconds of one watch; a connection that broke without a word is believed no longer than that
_FRESH = 0.5  # seconds for which a list serves where no watch can be had


class Feed:
    """The objects that were there at version `since`, and all that became of them; ends when nobody asks any more.

    `bell` rings at every event, and when the feed ends. What it says counts while it is `live`: the server has agreed
    to tell. A feed that is `over` will never be live again.
    """

    def __init__(
        self, api: Api, path: str, since: str, objects: Iterable[Object], bell: Condition, **query: str
    ) -> None:
        self._api, self._path, self._since = api, path, since
        self._query = {**query, "allowWatchBookmarks": "true"}
        self._objects = {name_of(one): one for one in objects}
        self._bell, self._used, self._heard = bell, True, 0
        self.live = self.over = False
        Thread(target=self._follow, name=f"watch {path}", daemon=True).start()

    @property
    def heard(self) -> int:
        """How many events there were so far."""
        return self._heard

    @property
    def objects(self) -> dict[str, Object]:
        """By name, as of now."""
        with self._bell:
            self._used = True
            return dict(self._objects)

    def put(self, found: Object) -> None:
        """What a request of ours was answered: events that are older do not undo it."""
        with self._bell:
            self._keep(found)

    def _follow(self) -> None:
        try:
            with suppress(ApiFault):  # whoever needs to know asks with a request of his own, and is told
                self._tell()
        finally:
            with self._bell:
                self.live, self.over = False, True
                self._bell.notify_all()

    def _tell(self) -> None:
        """Hear events for as long as somebody asks. Raises ApiFault when the watch breaks."""
        while self._used:
            self._used = False
            with closing(self._api.watch(self._path, self._since, _WATCH, **self._query)) as events:
                self.live = True
                for event in events:
                    self._hear(str(event.get("type")), part(event, "object"))

    def _hear(self, kind: str, found: Object) -> None:
        with self._bell:
            self._heard += 1
            self._since = _version(found) or self._since
            if kind == "DELETED":
                self._objects.pop(name_of(found), None)
            elif kind in ("ADDED", "MODIFIED"):
                self._keep(found)
            self._bell.notify_all()

    def _keep(self, found: Object) -> None:
        held = self._objects.get(name_of(found))
        if held is None or not _older(found, held):
            self._objects[name_of(found)] = found


class Listing:
    """One list request whose answer is kept current for as long as somebody looks at it."""

    def __init__(self, api: Api, path: str, **query: str) -> None:
        self._api, self._path, self._query = api, path, query
        self._lock, self._bell = Lock(), Condition()
        self._feed: Feed | None = None
        self._listed: tuple[Object, ...] = ()
        self._until = 0.0

    def now(self) -> tuple[Object, ...]:
        """The objects as of now; where no watch can be had, as of half a second ago. Raises ApiFault."""
        with self._lock:
            if self._feed is not None and self._feed.live:
                return tuple(self._feed.objects.values())
            if time.monotonic() >= self._until:
                self._list()
            return self._listed

    def _list(self) -> None:
        found = self._api.get(self._path, **self._query)
        self._listed = tuple(items(found, "items"))
        self._until = time.monotonic() + _FRESH
        if self._feed is None or self._feed.over:
            self._feed = Feed(self._api, self._path, _version(found), self._listed, self._bell, **self._query)


class Item:
    """One object of a collection, got by a request; from the second on it is followed while somebody looks at it."""

    def __init__(self, api: Api, collection: str, name: str) -> None:
        self._api, self._collection, self._name = api, collection, name
        self._lock, self._bell = Lock(), Condition()
        self._feed: Feed | None = None
        self._looked = False

    def now(self) -> Object:
        """The object as of now. Raises NotFound, ApiFault."""
        feed = self._feed
        found = feed.objects.get(self._name) if feed and feed.live else None
        if found:
            return found
        found, again = self.fresh(), self._looked
        self._looked = True
        if again:
            self.follow(found)
        return found

    def fresh(self) -> Object:
        """The object, by a request of its own: for who has just learned that he knew an old one."""
        found = self._api.get(f"{self._collection}/{self._name}")
        self.put(found)
        return found

    def put(self, found: Object) -> None:
        """What was got or written elsewhere, just now."""
        if self._feed is not None:
            self._feed.put(found)

    def follow(self, found: Object) -> None:
        """Follow it from `found` on, unless it is followed already."""
        with self._lock:
            if self._feed is None or self._feed.over:
                only = {"fieldSelector": f"metadata.name={self._name}"}
                self._feed = Feed(self._api, self._collection, _version(found), (found,), self._bell, **only)


def _version(found: Object) -> str:
    return str(part(found, "metadata").get("resourceVersion", ""))


def _older(found: Object, held: Object) -> bool:
    """Versions of one object are numbers that grow."""
    new, old = _version(found), _version(held)
    return new.isdecimal() and old.isdecimal() and int(new) < int(old)
