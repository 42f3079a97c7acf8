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
    own = {_head(one, text): one for one in file.ingresses if one.owner}
    at: dict[int, list[OwnDocument]] = {}
    for new in documents:
        at.setdefault(_place(new, own), []).append(new)
    spans = [_insertion(text, place, sorted(ours, key=lambda one: one.name)) for place, ours in at.items()]
    return SourceFile(file.source.file.name, replace_spans(text, spans))


def _place(new: OwnDocument, own: dict[int, Ingress]) -> int:
    """The offset in the file: behind stable's document and those of ours behind it whose names come first.

    `own` are the canaries of ours in the file, by the offset of the `---` above each.
    """
    place = new.stable.end + new.stable.fragment.placement.base
    while (one := own.get(place)) and one.name < new.name:
        place = one.end + one.fragment.placement.base
    return place


def _insertion(text: str, place: int, documents: list[OwnDocument]) -> Span:
    """A text without a line end at its end gets one before ours, and ours then ends without one."""
    new = "".join(one.text for one in documents)
    if place and text[place - 1 : place] != "\n":
        new = "\n" + new.removesuffix("\n")
    return place, place, new.replace("\n", line_end(text, place))


def _head(own: Ingress, text: str) -> int:
    """The offset of the `---` above a document of ours; 0 where it is the first one, without that line."""
    return text.rfind("\n---", 0, own.node.start_mark.index + own.fragment.placement.base) + 1


def _span(own: Ingress, text: str) -> tuple[int, int]:
    """Where a document of ours begins, with its `---`, and ends in the file."""
    start, end = _head(own, text), own.end + own.fragment.placement.base
    if not text[start:end].endswith("\n") and start:
        start -= 2 if text[start - 2 : start] == "\r\n" else 1
    return start, end
