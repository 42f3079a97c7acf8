"""Puts documents of ours behind the document of a file that stable's Ingress is in, and takes them away.

The documents of one place are in the order of their names, whatever the order in which they came.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.ingressnginx.ingress import Ingress
from gatewayctl.gateways.ingressnginx.locate import IngressFile
from gatewayctl.gateways.spans import Span, line_end, replace_spans


@dataclass(frozen=True, slots=True)
class OwnDocument:
    """A document of ours for `stable`: its name, and its text with the `---` above it and line feeds."""

    stable: Ingress
    name: str
    text: str


def without_owner(file: IngressFile, owner: str) -> SourceFile:
    """The file without the documents of `owner`."""
    text = file.source.file.text
    spans: list[Span] = [(*_span(one, text), "") for one in file.ingresses if one.owner == owner]
    return SourceFile(file.source.file.name, replace_spans(text, spans))


def with_documents(file: IngressFile, documents: Iterable[OwnDocument]) -> SourceFile:
    """The file with the documents put in."""
    text = file.source.file.text
    at: dict[int, list[OwnDocument]] = {}
    for one in documents:
        at.setdefault(_place(file, one), []).append(one)
    spans = [_insertion(text, place, sorted(ours, key=lambda one: one.name)) for place, ours in at.items()]
    return SourceFile(file.source.file.name, replace_spans(text, spans))


def _place(file: IngressFile, new: OwnDocument) -> int:
    """The offset in the file: behind stable's document and those of ours behind it whose names come first."""
    place, base = new.stable.end, new.stable.fragment.placement.base
    for one in sorted(file.ingresses, key=lambda one: one.end):
        if one.owner and one.name < new.name and _span(one, file.source.file.text)[0] <= place + base < one.end + base:
            place = one.end
    return place + base


def _insertion(text: str, place: int, documents: list[OwnDocument]) -> Span:
    """A text without a line end at its end gets one before ours, and ours then ends without one."""
    new = "".join(one.text for one in documents)
    if place and text[place - 1 : place] != "\n":
        new = "\n" + new.removesuffix("\n")
    return place, place, new.replace("\n", line_end(text, place))


def _span(own: Ingress, text: str) -> tuple[int, int]:
    """Where a document of ours begins, with its `---`, and ends in the file."""
    base = own.fragment.placement.base
    start, end = text.rfind("\n---", 0, own.node.start_mark.index + base) + 1, own.end + base
    if not text[start:end].endswith("\n") and start:
        start -= 2 if text[start - 2 : start] == "\r\n" else 1
    return start, end
