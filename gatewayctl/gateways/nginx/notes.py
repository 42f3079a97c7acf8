"""What people should know about an edit, told once for all the places where it is true."""

from collections.abc import Iterable
from dataclasses import dataclass

from gatewayctl.gateways.nginx.tree import Directive


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence, and the place that it is about as `file:line`; no place: it is about all of them."""

    text: str
    place: str = ""

    @classmethod
    def at(cls, one: Directive, text: str) -> "Note":
        """A note about one directive."""
        return cls(text, f"{one.text.fragment.file}:{one.line}")


def join_notes(notes: Iterable[Note]) -> tuple[str, ...]:
    """Each sentence once, with its first place and how many more there are."""
    places: dict[str, dict[str, None]] = {}
    for note in notes:
        places.setdefault(note.text, {})[note.place] = None
    return tuple(_with_places(text, [one for one in found if one]) for text, found in places.items())


def _with_places(text: str, places: list[str]) -> str:
    if not places:
        return text
    more = len(places) - 1
    also = f" and {more} more place{'s' if more > 1 else ''}" if more else ""
    return f"{places[0]}{also}: {text}"
