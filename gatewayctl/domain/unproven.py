"""Tests that need no answer of the canary, as the configuration names them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unproven:
    """Tests that need no answer of the canary, and why. `tests` is a file, a folder or a node id of pytest, without its
    first folders if one likes: what pytest shows depends on the folder in which it runs."""

    tests: str
    reason: str

    def covers(self, test: str) -> bool:
        """Whether `test`, a node id, is one of these tests."""
        file, _, inside = test.partition("::")
        wanted_file, _, wanted = self.tests.partition("::")
        if f"/{wanted_file.strip('/')}/" not in f"/{file}/":
            return False
        return not wanted or inside == wanted or inside.startswith((f"{wanted}::", f"{wanted}["))


def find_reason(unproven: tuple[Unproven, ...], test: str) -> str:
    """Why `test` needs no answer; empty when it does."""
    return next((one.reason for one in unproven if one.covers(test)), "")
