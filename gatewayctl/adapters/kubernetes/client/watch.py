"""Objects that are listed once and then kept current by a watch, so that nothing is sent while nothing happens.

A watch is a hint: it says what changed, but its silence proves nothing. The server may have stopped sending, or the
connection may be open at our end only. So what it holds is served only while something confirmed it within the last
seconds: an event, a bookmark, or the answer to a request. After more silence than that one plain request is sent. If
its answer has something that the watch did not say, the watch is replaced.

Events do not say when they happened: a stream that lags behind looks like one that is current. So events alone confirm
for a few times as long at most; then a request is sent, whatever came.
"""

import time
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from threading import Condition, Event, Lock, Thread

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part

STALENESS = 10.0  # seconds of silence after which a request is sent, unless a port has another value
_WATCH = 180  # seconds of one watch
_WITHOUT_ANSWER = 4  # times the staleness for which events alone confirm: in a busy stream one request per 40 s
_REUSE = 0.5  # seconds for which a list is used again where no watch is possible


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects of one answer, its resourceVersion, and when it was asked for (monotonic seconds)."""

    objects: tuple[Object, ...]
    version: str
    asked: float

    @staticmethod
    def of_one(found: Object, asked: float) -> "Listing":
        """The answer that is one object."""
        return Listing((found,), _version(found), asked)


class Watch:
    """The objects of `start`, kept current by events; it ends when nobody has read them for one watch.

    `changed` is notified at every event, and when the watch ends. It is live once the server has agreed to send events.
    A watch that `has_ended` never becomes live again.
    """

    def __init__(self, api: Api, path: str, start: Listing, changed: Condition, **query: str) -> None:
        self._api, self._path, self._since = api, path, start.version
        self._query = {**query, "allowWatchBookmarks": "true"}
        self._objects = _by_name(start.objects)
        self._changed, self._is_used, self._events = changed, True, 0
        self._confirmed = self._answered = start.asked
        self.is_live, self._end = False, Event()
        Thread(target=self._run, name=f"watch {path}", daemon=True).start()

    @property
    def has_ended(self) -> bool:
        """Whether it tells nothing any more."""
        return self._end.is_set()

    @property
    def events(self) -> int:
        """How many events there were so far."""
        return self._events

    @property
    def confirmed(self) -> float:
        """When an event or an answer last showed that the objects were current, in monotonic seconds."""
        return self._confirmed

    @property
    def objects(self) -> dict[str, Object]:
        """The objects by name, as of the last event or answer."""
        with self._changed:
            self._is_used = True
            return dict(self._objects)

    def is_fresh(self, within: float) -> bool:
        """Whether it is live, was confirmed in the last `within` seconds, and not for long by events alone."""
        now = time.monotonic()
        is_answered = now - self._answered <= _WITHOUT_ANSWER * within
        return self.is_live and is_answered and now - self._confirmed <= within

    def update(self, found: Object, asked: float = 0.0) -> None:
        """Take over the answer to a write of ours; events older than it do not undo it.

        Where that object is all that is watched, the write also confirms it as of `asked`.
        """
        with self._changed:
            self._take_answer(asked)
            self._store(found)

    def confirm(self, answer: Listing) -> bool:
        """Take over an answer to a read of the same objects. False when the watch had not said what is in it."""
        with self._changed:
            self._is_used = True
            self._take_answer(answer.asked)
            if _is_newer(self._since, answer.version):
                return True  # an event came first
            before, self._since = self._objects, answer.version or self._since
            newer = {name: one for name, one in before.items() if _is_newer(_version(one), answer.version)}
            self._objects = {**_by_name(answer.objects), **newer}
            return _versions(before) == _versions(self._objects)

    def end(self) -> None:
        """Do not use it any more; its connection ends with the next event, or with its time."""
        with self._changed:
            self.is_live = False
            self._end.set()
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            with suppress(ApiFault):  # a reader that needs the fault sends a request of its own, and gets it
                self._follow()
        finally:
            self.end()

    def _follow(self) -> None:
        """Receive events, one watch after the other, for as long as somebody reads. Raises ApiFault when one breaks."""
        while self._is_used and not self._end.is_set():
            self._is_used = False
            with closing(self._api.watch(self._path, self._since, _WATCH, **self._query)) as events:
                self._begin()
                for event in events:
                    if self._end.is_set():
                        return
                    self._apply(str(event.get("type")), part(event, "object"))

    def _begin(self) -> None:
        """The server has agreed. That confirms nothing: what changed since the list is still to come."""
        with self._changed:
            self.is_live = not self.has_ended

    def _apply(self, kind: str, found: Object) -> None:
        version = _version(found)
        with self._changed:
            self._events += 1
            self._confirmed = time.monotonic()
            if not _is_newer(self._since, version):  # else an answer of ours was newer than this event
                self._since = version or self._since
                if kind == "DELETED":
                    self._objects.pop(name_of(found), None)
                elif kind in ("ADDED", "MODIFIED"):
                    self._store(found)
            self._changed.notify_all()

    def _take_answer(self, asked: float) -> None:
        self._answered, self._confirmed = max(self._answered, asked), max(self._confirmed, asked)

    def _store(self, found: Object) -> None:
        stored = self._objects.get(name_of(found))
        if stored is None or not _is_newer(_version(stored), _version(found)):
            self._objects[name_of(found)] = found


class WatchedList:
    """The objects of one list request, kept current by a watch for as long as somebody reads them.

    What is read was current at some time in the last `staleness` seconds; where a stream of events lags, in a few times
    that.
    """

    def __init__(self, api: Api, path: str, staleness: float = STALENESS, **query: str) -> None:
        self._api, self._path, self._query = api, path, query
        self.staleness = staleness
        self._lock, self._changed = Lock(), Condition()
        self._watch: Watch | None = None
        self._listed: tuple[Object, ...] = ()
        self._until = 0.0

    def read(self) -> tuple[Object, ...]:
        """The objects as they were at most `staleness` seconds ago. Raises ApiFault."""
        with self._lock:
            if self._watch is not None and self._watch.is_fresh(self.staleness):
                return tuple(self._watch.objects.values())
            return self._list() if time.monotonic() >= self._until else self._listed

    def read_now(self) -> tuple[Object, ...]:
        """The objects by a request of its own, so not older than the call. Raises ApiFault."""
        with self._lock:
            return self._list()

    def _list(self) -> tuple[Object, ...]:
        asked = time.monotonic()
        found = self._api.get(self._path, **self._query)
        answer = Listing(tuple(items(found, "items")), _version(found), asked)
        self._listed, self._until = answer.objects, asked + min(_REUSE, self.staleness)
        self._watch = continue_watch(self._watch, answer) or Watch(
            self._api, self._path, answer, self._changed, **self._query
        )
        return self._listed


class WatchedObject:
    """One object, got by a request; from the second read on a watch keeps it current while somebody reads it.

    What is read was current at some time in the last `staleness` seconds; where a stream of events lags, in a few times
    that.
    """

    def __init__(self, api: Api, collection: str, name: str, staleness: float = STALENESS) -> None:
        self._api, self._collection, self._name, self._staleness = api, collection, name, staleness
        self._lock, self._changed = Lock(), Condition()
        self._watch: Watch | None = None
        self._was_read = False

    def read(self) -> Object:
        """The object as it was at most `staleness` seconds ago. Raises NotFound, ApiFault."""
        watch = self._watch
        found = watch.objects.get(self._name) if watch and watch.is_fresh(self._staleness) else None
        if found:
            return found
        asked, again = time.monotonic(), self._was_read
        found = self.get()
        self._was_read = True
        if again:
            self.follow(found, asked)
        return found

    def get(self) -> Object:
        """The object by a request of its own, so not older than the call. Raises NotFound, ApiFault."""
        asked = time.monotonic()
        found = self._api.get(f"{self._collection}/{self._name}")
        self.confirm(found, asked)
        return found

    def confirm(self, found: Object, asked: float) -> None:
        """Take over the object as a read that was sent at `asked` found it."""
        with self._lock:
            if self._watch is not None and not self._watch.has_ended:
                answer = Listing.of_one(found, asked)
                self._watch = continue_watch(self._watch, answer) or self._begin(answer)

    def update(self, found: Object, asked: float = 0.0) -> None:
        """Take over the object as a request of ours, sent at `asked`, wrote it."""
        if self._watch is not None:
            self._watch.update(found, asked)

    def follow(self, found: Object, asked: float) -> None:
        """Watch it from `found` on, which was asked for at `asked`, unless it is watched already."""
        with self._lock:
            if self._watch is None or self._watch.has_ended:
                self._watch = self._begin(Listing.of_one(found, asked))

    def _begin(self, start: Listing) -> Watch:
        only = {"fieldSelector": f"metadata.name={self._name}"}
        return Watch(self._api, self._collection, start, self._changed, **only)


def continue_watch(watch: Watch | None, answer: Listing) -> Watch | None:
    """The watch with `answer` in it; None where there is none, or where it has ended or had not said what is in it."""
    if watch is None or watch.has_ended:
        return None
    if watch.confirm(answer):
        return watch
    watch.end()
    return None


def _by_name(objects: Iterable[Object]) -> dict[str, Object]:
    return {name_of(one): one for one in objects}


def _versions(objects: dict[str, Object]) -> dict[str, str]:
    return {name: _version(one) for name, one in objects.items()}


def _version(found: Object) -> str:
    return str(part(found, "metadata").get("resourceVersion", ""))


def _is_newer(version: str, other: str) -> bool:
    """Whether `version` is later than `other`; the versions of one collection are numbers that grow."""
    return version.isdecimal() and other.isdecimal() and int(version) > int(other)
