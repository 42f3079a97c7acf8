"""A live route object as a file for the dialect, and the smallest patch that makes the object what a changed file says.

The API server keeps no comments, no order of keys and no quotes, and fills in defaults. So the text is always written
in one way, the one in which the dialect writes a rule: what was written is then read back as the same bytes.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import yaml

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import part
from gatewayctl.domain.errors import Refused, UsageFault
from gatewayctl.domain.nesting import TooDeep
from gatewayctl.gateways.object_form import ObjectForm
from gatewayctl.gateways.resource import RouteResource
from gatewayctl.yamlloader import load


@dataclass(frozen=True, slots=True)
class ObjectText:
    """Objects of one resource as text, and back."""

    resource: RouteResource

    @property
    def _top(self) -> str:
        """The key at the object's top that has the rules in it; all of it is text."""
        return self.resource.rules[0]

    def text_of(self, found: Object) -> str:
        """The object's identity, and the part that has the rules, as YAML; everything else is left out."""
        metadata = part(found, "metadata")
        named = {key: metadata.get(key, "") for key in ("name", "namespace")}
        written = {"apiVersion": found.get("apiVersion", ""), "kind": found.get("kind", ""), "metadata": named}
        form = ObjectForm(self.resource.key_order, self.resource.plain_keys)
        return form.write({**written, self._top: part(found, self._top)}, [*written, self._top])

    def patch_of(self, found: Object, name: str, text: str) -> list[Object]:
        """JSON Patch operations that put in and take out rules until the object says what `text` says.

        Raises Refused for a text that differs in anything but rules, UsageFault for one that is not such an object.
        """
        wanted = self._parse(name, text)
        before, after = ({self._top: part(one, self._top)} for one in (found, wanted))
        if _without(before, self.resource.rules) != _without(after, self.resource.rules):
            raise Refused(
                name, 0, f"only the rules of a live {self.resource.kind} are edited, and this differs in more"
            )
        return [*self._make_list(found), *self._edits(self._rules(found), self._rules(wanted))]

    def _parse(self, name: str, text: str) -> Object:
        try:
            found = load(text)
        except TooDeep as fault:
            raise UsageFault(f"{name}: {fault}") from fault
        except (yaml.YAMLError, ValueError) as fault:
            raise UsageFault(f"{name}: not YAML: {fault}") from fault
        if not isinstance(found, dict) or not isinstance(found.get(self._top), dict):
            raise UsageFault(f"{name}: expected an object of kind {self.resource.kind}")
        return found

    def _rules(self, found: Object) -> list[Any]:
        rules = part(found, *self.resource.rules[:-1]).get(self.resource.rules[-1])
        return rules if isinstance(rules, list) else []

    def _make_list(self, found: Object) -> list[Object]:
        """One operation that adds an empty list of rules, and the objects around it, where there is none."""
        here: Any = found
        path = self.resource.rules
        for depth, key in enumerate(path, 1):
            here = here.get(key)
            if not isinstance(here, list if depth == len(path) else dict):
                value: object = []
                for outer in reversed(path[depth:]):
                    value = {outer: value}
                return [{"op": "add", "path": _pointer(path[:depth]), "value": value}]
        return []

    def _edits(self, old: list[Any], new: list[Any]) -> list[Object]:
        """From the end to the beginning, so that no index moves before it is used."""
        before, after = ([json.dumps(rule, sort_keys=True) for rule in rules] for rules in (old, new))
        edits: list[Object] = []
        for tag, start, end, first, last in reversed(
            SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        ):
            if tag != "equal":
                edits += [{"op": "remove", "path": self._rule(index)} for index in reversed(range(start, end))]
                edits += [{"op": "add", "path": self._rule(start), "value": rule} for rule in reversed(new[first:last])]
        return edits

    def _rule(self, index: int) -> str:
        return _pointer((*self.resource.rules, str(index)))


def _without(found: Object, path: Sequence[str]) -> Object:
    """The object without what is at `path`, and without the objects around it that hold nothing else."""
    key, *rest = path
    others = {name: value for name, value in found.items() if name != key}
    inner = found.get(key) if rest else None
    left = _without(inner, rest) if isinstance(inner, dict) else inner
    return {**others, key: left} if left else others


def _pointer(path: Iterable[str]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in path)
