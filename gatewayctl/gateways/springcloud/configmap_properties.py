"""Edits `.properties` files that a ConfigMap manifest holds in literal blocks: each is a file of its own meanwhile.

Such a file begins with as many blank lines as the manifest has above the block, so that errors name the right line.
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
_INNER_NAME = re.compile(r"#\d+\.properties\b")


def with_properties(files: Files) -> Files:
    """The files, each followed by the properties files in it. Raises Refused."""
    return tuple(
        each for file in files for each in (file, *(_properties_of(fragment) for fragment in fragments_of(file)))
    )


def as_change_of_manifests(files: Files, change: Change) -> Change:
    """A change of `with_properties(files)` as one of `files`. Raises Refused if a block cannot be written exactly."""
    stages = tuple(tuple(_write_back(files, stage)) for stage in change.stages)
    return Change(stages, tuple(as_given(change.covered)), tuple(_INNER_NAME.sub("", note) for note in change.notes))


def as_given(views: Iterable[RouteView]) -> Iterator[RouteView]:
    """Routes with the names of the given files."""
    return (replace(view, file=_INNER_NAME.sub("", view.file)) for view in views)


@contextmanager
def refuse_with_given_names() -> Iterator[None]:
    """Refusals inside the block name the manifest, not the properties file in it."""
    try:
        yield
    except Refused as fault:
        raise Refused(_INNER_NAME.sub("", fault.file), fault.line, fault.reason, hint=fault.hint) from fault


def properties_outside(file: SourceFile) -> int:
    """The line of the first route that is written as properties outside of a properties file; 0 if there is none."""
    held = [fragment.scalar for fragment in fragments_of(file) if fragment.scalar]
    for hit in _ROUTE.finditer(file.text):
        if not any(one.start_mark.index <= hit.start() < one.end_mark.index for one in held):
            return file.text.count("\n", 0, hit.start()) + 1
    return 0


@lru_cache(maxsize=8)
def fragments_of(file: SourceFile) -> tuple[Fragment, ...]:
    """The blocks of a manifest that are properties files. Raises Refused."""
    if file.name.endswith(SUFFIX) or "ConfigMap" not in file.text or not _ROUTE.search(file.text):
        return ()
    found = blocks(file, lambda value: _ROUTE.search(value) is not None)
    return tuple(fragment for fragment in found if fragment.key.endswith(SUFFIX))


def _properties_of(fragment: Fragment) -> SourceFile:
    return SourceFile(
        f"{fragment.file}#{fragment.placement.line}{SUFFIX}", "\n" * (fragment.placement.line - 1) + fragment.text
    )


def _write_back(files: Files, stage: Files) -> Iterator[SourceFile]:
    """The changed files of a stage, with its properties files written back into their manifests. Raises Refused."""
    new = {file.name: file for file in stage}
    for file in files:
        made = new.get(file.name, file)
        for number, fragment in enumerate(fragments_of(file)):
            inner = new.get(_properties_of(fragment).name)
            if inner:
                made = _replace_block(made, number, inner.text[fragment.placement.line - 1 :])
        if made != file:
            yield made


def _replace_block(file: SourceFile, number: int, text: str) -> SourceFile:
    """A manifest with another text in one of its properties files. Raises Refused."""
    fragment = fragments_of(file)[number]
    pieces = [in_file(file.text, fragment.placement, splice) for splice in _splices(fragment.text, text)]
    made = SourceFile(file.name, replace_spans(file.text, pieces))
    if [one.text for one in fragments_of(made)] != [
        text if one is fragment else one.text for one in fragments_of(file)
    ]:
        raise Refused(file.name, fragment.placement.line, "this block cannot be edited in place with certainty")
    return made


def _splices(before: str, after: str) -> Iterator[Splice]:
    """The splices of whole lines that turn `before` into `after`; lines that stay are in none of them."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    for kind, first, last, begin, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield Splice(starts[first], starts[last], "".join(new[begin:end]))
