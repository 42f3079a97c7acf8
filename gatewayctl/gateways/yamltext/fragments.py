"""Finds the fragments of gateway configuration in a file: the file itself, or block scalars of ConfigMap manifests.

A fragment is read as its gateway reads it. Its placement says which offset of the file each of its characters has.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.spans import Placement
from gatewayctl.gateways.yamltext.document import BOM, Fault, parse, template_mark


@dataclass(frozen=True, slots=True, eq=False)
class Fragment:
    """One text of gateway configuration. In a manifest it is the value of `key`, in the block scalar `scalar`."""

    file: str
    text: str
    roots: tuple[Node, ...]
    placement: Placement
    scalar: ScalarNode | None = None
    key: str = ""

    def line(self, node: Node) -> int:
        """The line of `node` in the file, from 1."""
        return int(node.start_mark.line) + self.placement.line

    def refusal(self, node: Node, reason: str, *, hint: str = "") -> Refused:
        """A refusal that names the line of `node`."""
        return Refused(self.file, self.line(node), reason, hint=hint)

    def source(self, node: Node) -> str:
        """The text of `node` as written."""
        return self.text[node.start_mark.index : node.end_mark.index]

    def wrong_type(self, node: Node, wanted: str) -> Refused:
        """A refusal of a node where the gateway expects something else, or that a template engine will replace."""
        written = self.source(node).split("\n")[0].strip()[:60]
        if template_mark(written[:2]) or written.startswith("${"):
            return self.refusal(node, f"{wanted} is left to a template here ({written}): edit the rendered file")
        kind = f"the value {written!r}" if isinstance(node, ScalarNode) else "a list"
        kind = "a mapping" if isinstance(node, MappingNode) else kind
        return self.refusal(node, f"{wanted} expected here, found {kind}")


ParseText = Callable[[str, str, int], tuple[Node, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One file, read: its documents, and the fragments of gateway configuration among them."""

    file: SourceFile
    roots: tuple[Node, ...]
    fragments: tuple[Fragment, ...]


@lru_cache(maxsize=8)
def read(file: SourceFile, is_config: Callable[[str], bool] | None) -> Source:
    """The fragments of `file`; `is_config` says which values of a ConfigMap are the gateway's. Raises Refused.

    Without `is_config`, the Kubernetes objects are themselves the configuration, and the file is one fragment.

    The result is cached, so that the checks after an edit need not parse again. Its nodes must not be changed.
    """
    base = 1 if file.text.startswith(BOM) else 0
    text = file.text[base:]
    roots = _parse(file.name, text, 1)
    held: list[Fragment] = []
    plain: list[Node] = []
    whole = Fragment(file.name, text, roots, Placement(base=base))
    if is_config is None:
        return Source(file, roots, (whole,))
    for root in roots:
        manifests = manifests_of(root)
        if manifests is None:
            plain.append(root)
        for manifest in manifests or ():
            held += _fragments_of(whole, manifest, is_config)
    if plain:
        held.append(Fragment(file.name, text, tuple(plain), Placement(base=base)))
    return Source(file, roots, tuple(held))


def blocks(file: SourceFile, is_config: Callable[[str], bool]) -> tuple[Fragment, ...]:
    """The literal blocks of ConfigMaps that hold configuration of a format that is not YAML. Raises Refused."""
    roots = _parse(file.name, file.text, 1)
    whole = Fragment(file.name, file.text, roots, Placement())
    manifests = [manifest for root in roots for manifest in manifests_of(root) or ()]
    return tuple(fragment for one in manifests for fragment in _fragments_of(whole, one, is_config, lambda *_: ()))


def _parse(name: str, text: str, first_line: int) -> tuple[Node, ...]:
    found = parse(text)
    if isinstance(found, Fault):
        raise Refused(name, found.line + first_line - 1 if found.line else 0, found.reason)
    return found


def pairs_of(node: Node | None) -> dict[str, Node]:
    """The values of a manifest by key, as written: Kubernetes accepts one spelling only."""
    if not isinstance(node, MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, ScalarNode)}


def manifests_of(root: Node) -> list[Node] | None:
    """The Kubernetes objects of a document; None if it is not one."""
    fields = pairs_of(root)
    if not {"kind", "apiVersion"} <= set(fields):
        return None
    items = fields.get("items")
    if str(fields["kind"].value).endswith("List") and isinstance(items, SequenceNode):
        return list(items.value)
    return [root]


def _fragments_of(
    whole: Fragment, manifest: Node, is_config: Callable[[str], bool], parse_text: ParseText = _parse
) -> list[Fragment]:
    fields = pairs_of(manifest)
    kind, data = fields.get("kind"), fields.get("data")
    if kind is None or kind.value != "ConfigMap" or not isinstance(data, MappingNode):
        return []
    fragments = []
    for key, value in data.value:
        if not isinstance(value, ScalarNode) or not is_config(value.value):
            continue
        if value.style != "|":
            written = {">": "folded", "'": "quoted", '"': "quoted"}.get(value.style or "", "plain")
            reason = (
                f"{key.value} holds gateway configuration as a {written} scalar: its lines cannot be edited in place"
            )
            raise whole.refusal(value, reason, hint=f"write it as a literal block: `{key.value}: |`")
        if value.start_mark.index < key.end_mark.index:
            raise whole.refusal(key, f"{key.value} is an alias of a text that stands elsewhere")
        placement = _placement(whole, value)
        roots = parse_text(whole.file, value.value, placement.line)
        fragments.append(Fragment(whole.file, value.value, roots, placement, value, str(key.value)))
    return fragments


def _placement(whole: Fragment, scalar: ScalarNode) -> Placement:
    """The placement of a literal block. Raises Refused if its lines cannot be found in the file."""
    text = whole.text
    first = text.index("\n", scalar.start_mark.index) + 1
    written = text[first : max(first, scalar.end_mark.index)]
    lines = str(scalar.value).split("\n")
    outer = written.split("\n")
    indent = next(
        (len(there) - len(here) for there, here in zip((o.rstrip("\r") for o in outer), lines, strict=False) if here), 0
    )
    inner, starts = [], []
    here, there = 0, first
    for row, line in enumerate(lines):
        found = outer[row].rstrip("\r") if row < len(outer) else ""
        if found[indent:] != line or found[:indent].strip(" "):
            raise whole.refusal(scalar, "the lines of this block scalar cannot be told apart with certainty")
        inner.append(here)
        starts.append(there + whole.placement.base)
        here += len(line) + 1
        there += (len(outer[row]) if row < len(outer) else 0) + 1
    return Placement(line=scalar.start_mark.line + 2, indent=indent, inner=tuple(inner), starts=tuple(starts))
