"""The version of one stored object, as the text that a compare-and-swap expects, and who waits to write the next."""

from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import texts
from gatewayctl.adapters.kubernetes.client.names import WAITING


def waiting_note(behind: int) -> dict[str, str | None]:
    """The annotation of a write behind which so many releases wait; None takes it away."""
    return {WAITING: str(behind) if behind else None}


def waiting_in(found: Object) -> int:
    """How many releases waited when an object was written last; none where that is not written."""
    text = texts(found, "metadata", "annotations").get(WAITING, "")
    return int(text) if text.isdecimal() and len(text) < 6 else 0


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """Which object (`uid`), which `state` of it, and the mark of our last write to it (empty: none yet)."""

    uid: str
    state: str
    mark: str

    @classmethod
    def parse(cls, text: str) -> "StoredVersion":
        """The version that `str` made this text of."""
        uid, state, mark = text.split("/", 2)
        return cls(uid, state, mark)

    def __str__(self) -> str:
        return f"{self.uid}/{self.state}/{self.mark}"

    def has_same_writes(self, other: "StoredVersion") -> bool:
        """Whether it is the same object after the same write of ours, whatever others changed of its state."""
        return (self.uid, self.mark) == (other.uid, other.mark)
