"""What a second start of a sandbox takes from the world file, and what it keeps of the sandbox as it was.

An interrupted release continues in the sandbox as it was, with its rule and its images. A person who edits a file
between two starts wants the edit. Both can be told apart: the sandbox remembers what it took last.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_FRESH = "To take the file, and to forget what the sandbox holds: gatewayctl sandbox up --fresh"


@dataclass(frozen=True, slots=True)
class Taken:
    """The values to use now, the origin to remember, and what to tell a person."""

    values: dict[str, str]
    origin: dict[str, str]
    notes: tuple[str, ...]


def take(given: Mapping[str, str], held: Mapping[str, str], origin: Mapping[str, str]) -> Taken:
    """Decide for each name of `given`, which is what the world file has now.

    `held` is what the sandbox has, `origin` what it took from the world file last. An edit is taken where the sandbox
    has changed nothing itself; otherwise what it has is kept, and the note says how to take the edit.
    """
    values, notes = dict(given), []
    remembered: dict[str, str | None] = dict(given)
    for name, text in given.items():
        own, last = held.get(name, text), origin.get(name)
        if text in (own, last):
            values[name] = own
        elif own == last:
            notes.append(f"{name} was edited since the last start: the edit is used")
        else:
            values[name] = own
            remembered[name] = last
            notes.append(f"{name} is not as in the sandbox, which has changes of its own: they stay. {_FRESH}")
    return Taken(values, {name: text for name, text in remembered.items() if text is not None}, tuple(notes))
