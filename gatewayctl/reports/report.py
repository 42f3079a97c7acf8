"""What every report offers: one result, for machines and for people."""

from typing import Protocol


class Report(Protocol):
    """The result of one command, complete: formatting it sends no request."""

    def data(self) -> dict[str, object]:
        """The published JSON document, as docs/json.md describes it."""

    def text(self) -> str:
        """The same for a person, in lines."""
