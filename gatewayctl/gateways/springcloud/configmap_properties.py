"""`.properties` that a ConfigMap manifest holds in a literal block: a file of its own while it is edited, and put back.

Such a page has as many blank lines above it as the manifest has lines, so that whatever names a line is right.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import SequenceMatcher
from functools import lru_cache

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Change, Files, RouteView, SourceFile
from gatewayctl.gateways.spans import Splice, in_file, replace_spans
from gatewayctl.gateways.yamltext.fragments import Fragment, blocks

SUFFIX = ".properties"
_ROUTE = re.compile(r"^[ \t]*spring\.cloud\.gateway\.[\w.-]*routes\[\d+\][\w.\[\]-]*[ \t]*=", re.MULTILINE)
_PAGE = re.compile(r"#\d+\.properties\b")


def with_properties(files: Files) -> Files:
    """The files, each followed by the pages in it. Raises Refused."""
    return tuple(each for file in files for each in (file, *(_page(fragment) for fragment in fragments_of(file))))


def as_change_of_manifests(files: Files, change: Change) -> Change:
    """A change of `with_properties(files)` as one of `files`. Raises Refused if a block cannot be written exactly."""
    stages = tuple(tuple(_put_back(files, stage)) for stage in change.stages)
    return Change(stages, tuple(as_given(change.covered)), tuple(_PAGE.sub("", note) for note in change.notes))


def as_given(views: Iterable[RouteView]) -> Iterator[RouteView]:
    """Routes with the names of the files they were given in."""
    return (replace(view, file=_PAGE.sub("", view.file)) for view in views)


@contextmanager
def named_as_given() -> Iterator[None]:
    """Refusals within name the manifest, not the page."""
    try:
        yield
    except Refused as fault:
        raise Refused(_PAGE.sub("", fault.file), fault.line, fault.reason, hint=fault.hint) from fault


def properties_outside(file: SourceFile) -> int:
    """The line of the first route that is written as properties where no page is; 0 where there is none."""
    held = [fragment.scalar for fragment in fragments_of(file) if fragment.scalar]
    for hit in _ROUTE.finditer(file.text):
        if not any(one.start_mark.index <= hit.start() < one.end_mark.index for one in held):
            return file.text.count("\n", 0, hit.start()) + 1
    return 0


@lru_cache(maxsize=8)
def fragments_of(file: SourceFile) -> tuple[Fragment, ...]:
    """The blocks of a manifest that are pages. Raises Refused."""
    if file.name.endswith(SUFFIX) or "ConfigMap" not in file.text or not _ROUTE.search(file.text):
        return ()
    found = blocks(file, lambda value: _ROUTE.search(value) is not None)
    return tuple(fragment for fragment in found if fragment.key.endswith(SUFFIX))


def _page(fragment: Fragment) -> SourceFile:
    return SourceFile(
        f"{fragment.file}#{fragment.placement.line}{SUFFIX}", "\n" * (fragment.placement.line - 1) + fragment.text
    )


def _put_back(files: Files, stage: Files) -> Iterator[SourceFile]:
    """The files of a stage, with its pages put back where they came from."""
    new = {file.name: file for file in stage}
    for file in files:
        made = new.get(file.name, file)
        for number, fragment in enumerate(fragments_of(file)):
            page = new.get(_page(fragment).name)
            if page:
                made = _replace_block(made, number, page.text[fragment.placement.line - 1 :])
        if made != file:
            yield made


def _replace_block(file: SourceFile, number: int, text: str) -> SourceFile:
    """A manifest with another text in the block of one of its pages."""
    fragment = fragments_of(file)[number]
    pieces = [in_file(file.text, fragment.placement, splice) for splice in _splices(fragment.text, text)]
    made = SourceFile(file.name, replace_spans(file.text, pieces))
    if [one.text for one in fragments_of(made)] != [
        text if one is fragment else one.text for one in fragments_of(file)
    ]:
        raise Refused(file.name, fragment.placement.line, "this block cannot be edited in place with certainty")
    return made


def _splices(before: str, after: str) -> Iterator[Splice]:
    """What makes `after` of `before`, in whole lines: those that stay are not written anew."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    for kind, first, last, begin, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield Splice(starts[first], starts[last], "".join(new[begin:end]))
