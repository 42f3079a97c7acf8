"""A gateway's rules as an API object: what the cluster must know of it, declared by the product's folder as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """In which order the keys of a mapping are written: those of `first`, all others by name, those of `last`.

    It must be the order in which the dialect writes a rule, so that what it wrote is read back as the same bytes.
    """

    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()

    def rank(self, key: str) -> tuple[int, int, str]:
        """What to sort by."""
        if key in self.first:
            return 0, self.first.index(key), key
        if key in self.last:
            return 2, self.last.index(key), key
        return 1, 0, key


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Where the object's status says which gateways took it.

    `reports` is the path of keys to a list with one report for each gateway, `gateway` the path to its name inside a
    report, which also holds `conditions`. The condition `accepted` is True once that gateway serves the object;
    `resolved` is False while a backend cannot be found.
    """

    reports: tuple[str, ...]
    gateway: tuple[str, ...]
    accepted: str
    resolved: str = ""


@dataclass(frozen=True, slots=True)
class Companions:
    """Rules that are objects of their own: each stands beside an object of stable's, which itself is never written.

    A companion is called `MARK.STABLE`: the owner mark of its rule, then the name of stable's object. It has the label
    `app.kubernetes.io/managed-by: gatewayctl`. One file holds stable's object and all its companions, as documents in
    the order of their names.

    `annotations` are the beginnings of the names of annotations that shape requests; others are no part of the text.
    No gateway looks at a companion while `class_field` (a path of keys) is INACTIVE_CLASS and the annotation
    `class_annotation` is absent.
    """

    annotations: tuple[str, ...]
    class_field: tuple[str, ...]
    class_annotation: str


INACTIVE_CLASS = "gatewayctl-inactive"
"""A class that no gateway has: a companion is created with it, and gets its real class in a second write."""


@dataclass(frozen=True, slots=True)
class RouteResource:
    """One kind of API object that holds route rules.

    `api` is what people call the API that it belongs to. `rules` is the path of keys to the list of rules, from the
    object's top. Values under `plain_keys` are words of the API itself, and written without quotes. `acceptance` is
    None where no status tells. With `companions` the rules are objects of their own. `unknown_field_hint` says what to
    do when the API server does not know a field that we write.
    """

    group: str
    version: str
    plural: str
    kind: str
    api: str
    rules: tuple[str, ...]
    key_order: KeyOrder
    plain_keys: frozenset[str] = frozenset()
    acceptance: Acceptance | None = None
    companions: Companions | None = None
    unknown_field_hint: str = ""

    @property
    def api_version(self) -> str:
        """As objects spell it: group/version."""
        return f"{self.group}/{self.version}"
