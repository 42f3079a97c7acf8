"""PyYAML, held to our own limit of nesting before it reaches one of its own.

Composing calls itself for every level. In Python that ends in a RecursionError, in C nowhere; and libyaml's scanner,
which looks ahead of what is composed, gives up at a depth that differs with its version.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode
from yaml.reader import Reader
from yaml.scanner import Scanner

from gatewayctl.domain.nesting import MAX_DEPTH, TooDeep, steps

_ALIAS = re.compile(r"(?:^|[\s\[{,:])\*")
_LONGER_THAN_MAX = re.compile(rb"[^\n]{%d,}" % (MAX_DEPTH + 1))
_NO_BRACKET_OR_LINE_END = bytes(byte for byte in range(256) if byte not in b"[]{}\n")


class DepthLimit:
    """What a loader inherits first: it raises TooDeep on the way into a level beyond MAX_DEPTH."""

    _depth = 0

    def descend_resolver(self, parent: object, index: object) -> None:  # noqa: ARG002 (PyYAML's signature)
        """Called before a node is composed."""
        self._depth += 1
        if self._depth > MAX_DEPTH + 1:  # a scalar in a collection of the deepest level counts as a level here
            raise TooDeep

    def ascend_resolver(self) -> None:
        """Called after a node was composed."""
        self._depth -= 1


if TYPE_CHECKING:
    _Loader: Any
else:

    class _Loader(DepthLimit, yaml.SafeLoader):
        pass


@dataclass(frozen=True, slots=True)
class Shape:
    """How deep a document nests when its aliases are followed, and a node that an alias puts inside itself."""

    depth: int
    endless: Node | None


def compose(text: str) -> Node | None:
    """The one document of `text` as nodes. Raises TooDeep, yaml.YAMLError, ValueError."""
    check_flow_depth(text)
    node: Node | None = yaml.compose(text, Loader=_Loader)
    if node is not None and has_aliases(text) and shape(node).depth > MAX_DEPTH:
        raise TooDeep
    return node


def load(text: str) -> Any:
    """The one document of `text` as Python's own types. Raises TooDeep, yaml.YAMLError, ValueError."""
    if has_aliases(text):
        compose(text)
    check_flow_depth(text)
    return _construct(lambda: yaml.load(text, Loader=_Loader))  # noqa: S506 (_Loader is a SafeLoader)


def load_all(text: str) -> list[Any]:
    """The documents of `text` as Python's own types. Raises TooDeep, yaml.YAMLError, ValueError."""
    check_flow_depth(text)
    nodes = yaml.compose_all(text, Loader=_Loader) if has_aliases(text) else ()
    for found in (shape(node) for node in nodes if node is not None):
        if found.endless or found.depth > MAX_DEPTH:
            raise TooDeep
    documents: list[Any] = _construct(lambda: list(yaml.load_all(text, Loader=_Loader)))
    return documents


def check_flow_depth(text: str) -> None:
    """Raise TooDeep if a line of `text` opens more levels of flow style than libyaml's scanner may look ahead into.

    To find the end of a key, the scanner reads up to 1,024 characters of one line before the first node of it is
    composed. Brackets are counted first, wherever they stand; only a line with too many is worth a look at what they
    are: part of a text or a comment, or of the structure.
    """
    brackets = text.encode("utf-8", "surrogatepass").translate(None, _NO_BRACKET_OR_LINE_END)
    if any(_highest_rise(line) > MAX_DEPTH for line in _LONGER_THAN_MAX.findall(brackets)):
        _scan(text)


def has_aliases(text: str) -> bool:
    """Whether `text` may hold an alias (`*name`); it says yes where it is not certain."""
    return "&" in text and _ALIAS.search(text) is not None


def shape(root: Node) -> Shape:
    """The shape of a document, each of its nodes looked at once; a node inside itself adds nothing to the depth."""
    depths: dict[int, int] = {}
    open_nodes: set[int] = set()
    endless: Node | None = None
    waiting: list[tuple[Node, bool]] = [(root, False)]
    while waiting:
        node, is_done = waiting.pop()
        inside = list(_collections_in(node))
        if is_done:
            open_nodes.discard(id(node))
            depths[id(node)] = 1 + max((depths[id(one)] for one in inside), default=0)
        elif id(node) in open_nodes:
            endless = node
        elif id(node) not in depths:
            open_nodes.add(id(node))
            depths[id(node)] = 0
            waiting.append((node, True))
            waiting += ((one, False) for one in inside)
    return Shape(depths[id(root)], endless)


def _construct(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (LookupError, AttributeError, TypeError) as fault:  # PyYAML, of `!!int ""`, `!!bool x`, `!!timestamp x`
        raise ValueError("a value is not what its tag says") from fault


def _collections_in(node: Node) -> Iterator[Node]:
    if isinstance(node, SequenceNode):
        inside = node.value
    elif isinstance(node, MappingNode):
        inside = [one for pair in node.value for one in pair]
    else:
        return
    yield from (one for one in inside if isinstance(one, MappingNode | SequenceNode))


def _highest_rise(brackets: bytes) -> int:
    """The most levels that are opened on the way from anywhere in `brackets`."""
    return max(accumulate(steps(brackets), lambda level, step: max(0, level + step), initial=0))


class _FlowScanner(Reader, Scanner):
    """PyYAML's scanner in Python, which has no limit; it raises TooDeep beyond ours."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)

    def fetch_flow_collection_start(self, token: Any) -> None:
        """Called where a `[` or `{` opens a level."""
        super().fetch_flow_collection_start(token)
        if self.flow_level > MAX_DEPTH + 1:
            raise TooDeep


def _scan(text: str) -> None:
    scanner = _FlowScanner(text)
    try:
        while scanner.check_token():
            scanner.get_token()  # type: ignore[no-untyped-call]
    except yaml.YAMLError:
        return  # it is not YAML: the parser that reads it next reports the fault
