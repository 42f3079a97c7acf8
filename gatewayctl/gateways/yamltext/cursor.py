"""A place in a fragment that is read as a mapping, a list or a text, with errors that name the place.

What a gateway allows there (spellings of a key, a single item without its dash) is its `Spelling`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import is_null, text


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a gateway reads the keys of a mapping, and lists.

    `name_of` gives the field that a key stands for. `repeated` is what an error calls a field that occurs twice: a
    field or a key. `merge_reason` says why a merge key (`<<`) is refused, `merge_hint` what to do. With `single_items`,
    a mapping in place of a list is a list of one.
    """

    name_of: Callable[[str], str]
    repeated: str
    merge_reason: str
    merge_hint: str = ""
    single_items: bool = False


@dataclass(slots=True, eq=False)  # not frozen: a file of 10,000 routes makes 60,000 of them
class Cursor:
    """One node of a fragment; None where there is nothing. `what` is what an error calls it."""

    fragment: Fragment
    node: Node | None
    what: str
    spelling: Spelling
    _fields: dict[str, Node] | None = field(default=None, init=False, repr=False)

    @property
    def text(self) -> str:
        """The text of a scalar; empty for anything else."""
        return text(self.node)

    @property
    def fields(self) -> dict[str, Node]:
        """The values of a mapping by field; empty if there is none. Raises Refused."""
        if self._fields is None:
            self._fields = self._read_fields()
        return self._fields

    def _read_fields(self) -> dict[str, Node]:
        if self.node is None or is_null(self.node):
            return {}
        if not isinstance(self.node, MappingNode):
            raise self.fragment.wrong_type(self.node, self.what)
        found: dict[str, Node] = {}
        for key, value in self.node.value:
            name = self._name_of(key)
            if name in found:
                raise self.fragment.refusal(key, f"the {self.spelling.repeated} {name} occurs twice in {self.what}")
            found[name] = value
        return found

    def field(self, name: str, what: str = "") -> "Cursor":
        """The value of one field, which an error calls `what`, or by its name. Raises Refused."""
        return self.at(self.fields.get(name), what or name)

    def items(self, what: str) -> list["Cursor"]:
        """The items of a list; empty if there is none. An error calls each of them `what`. Raises Refused."""
        return [self.at(item, what) for item in self.nodes()]

    def nodes(self) -> list[Node]:
        """The items of a list as nodes. Raises Refused."""
        if self.node is None or is_null(self.node):
            return []
        if isinstance(self.node, SequenceNode):
            return list(self.node.value)
        # `{{` begins a mapping for YAML, and a placeholder for most template engines.
        is_template = self.fragment.source(self.node).startswith("{{")
        if self.spelling.single_items and isinstance(self.node, MappingNode) and not is_template:
            return [self.node]
        raise self.fragment.wrong_type(self.node, self.what)

    def at(self, node: Node | None, what: str) -> "Cursor":
        """Another node of the same fragment."""
        return Cursor(self.fragment, node, what, self.spelling)

    def refusal(self, reason: str, *, hint: str = "") -> Refused:
        """A refusal that names this place, where there is a node."""
        assert self.node is not None  # noqa: S101 (only what is there is refused)
        return self.fragment.refusal(self.node, reason, hint=hint)

    def _name_of(self, key: Node) -> str:
        if not isinstance(key, ScalarNode):
            raise self.fragment.wrong_type(key, f"a field of {self.what}")
        if key.value == "<<" and not key.style:
            reason = f"a merge key (<<) in {self.what}: {self.spelling.merge_reason}"
            raise self.fragment.refusal(key, reason, hint=self.spelling.merge_hint)
        return self.spelling.name_of(key.value)
