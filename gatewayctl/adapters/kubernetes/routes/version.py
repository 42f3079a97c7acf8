"""The version of one stored object, as the text that a compare-and-swap expects."""

from dataclasses import dataclass


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
