"""A live HTTPRoute as a file for the dialect, and the smallest patch that makes the object what a changed file says.

The API server keeps no comments, no order of keys and no quotes, and fills in defaults. So the text is always written
in one way, the one in which the dialect writes a rule: what was written is then read back as the same bytes.
"""

import json
import re
from difflib import SequenceMatcher
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.adapters.kubernetes.api import Object
from gatewayctl.adapters.kubernetes.names import part
from gatewayctl.domain.errors import Refused, UsageFault
from gatewayctl.domain.nesting import TooDeep
from gatewayctl.gateways.yamltext.emit import document
from gatewayctl.gateways.yamltext.graph import plain, quoted
from gatewayctl.yamlloader import load

# The dialect puts a rule's name first, filters before backends, and what it adds to a match or a modifier last.
_ORDER = {"type": 0, "name": 1, "matches": 2, "filters": 3, "backendRefs": 4, "headers": 6, "set": 6}
_OTHERS = 5
_WORDS = frozenset({"apiVersion", "kind", "type"})
_WORD = re.compile(r"[A-Z][A-Za-z]+|[a-z0-9.]+/v[a-z0-9]+")
_NO_TEXT = frozenset({"Null", "True", "False", "Yes", "No", "On", "Off"})


def text_of(found: Object) -> str:
    """The object's identity and spec as YAML; status and metadata that others write are left out."""
    metadata = part(found, "metadata")
    named = {key: metadata.get(key, "") for key in ("name", "namespace")}
    written = {"apiVersion": found.get("apiVersion", ""), "kind": found.get("kind", ""), "metadata": named}
    node = _node({**written, "spec": part(found, "spec")}, top=("apiVersion", "kind", "metadata", "spec"))
    assert isinstance(node, MappingNode)  # noqa: S101 (it is made of a mapping)
    return document(node)


def patch_of(found: Object, name: str, text: str) -> list[Object]:
    """Operations that put in and take out rules until the object says what `text` says.

    Raises Refused for a text that differs in anything but rules, UsageFault for one that is no HTTPRoute.
    """
    wanted = _parsed(name, text)
    before, after = part(found, "spec"), part(wanted, "spec")
    if _but_rules(before) != _but_rules(after):
        raise Refused(name, 0, "only the rules of a live HTTPRoute are edited, and this differs in more")
    old, new = _rules(before), _rules(after)
    first: list[Object] = [] if isinstance(before.get("rules"), list) else [_operation("add", "", [])]
    return [*first, *_edits(old, new)]


def _edits(old: list[Any], new: list[Any]) -> list[Object]:
    """From the end to the beginning, so that no index moves before it is used."""
    was, shall = ([json.dumps(rule, sort_keys=True) for rule in rules] for rules in (old, new))
    found: list[Object] = []
    for tag, start, end, first, last in reversed(SequenceMatcher(None, was, shall, autojunk=False).get_opcodes()):
        if tag != "equal":
            found += [_operation("remove", f"/{index}") for index in reversed(range(start, end))]
            found += [_operation("add", f"/{start}", rule) for rule in reversed(new[first:last])]
    return found


def _operation(verb: str, where: str, value: object = None) -> Object:
    operation = {"op": verb, "path": f"/spec/rules{where}"}
    return operation if value is None else {**operation, "value": value}


def _parsed(name: str, text: str) -> Object:
    try:
        found = load(text)
    except TooDeep as fault:
        raise UsageFault(f"{name}: {fault}") from fault
    except (yaml.YAMLError, ValueError) as fault:
        raise UsageFault(f"{name}: not YAML: {fault}") from fault
    if not isinstance(found, dict) or not isinstance(found.get("spec"), dict):
        raise UsageFault(f"{name}: not an HTTPRoute")
    return found


def _but_rules(spec: Object) -> Object:
    return {key: value for key, value in spec.items() if key != "rules"}


def _rules(spec: Object) -> list[Any]:
    rules = spec.get("rules")
    return rules if isinstance(rules, list) else []


def _node(value: object, key: str = "", top: tuple[str, ...] = ()) -> Node:
    if isinstance(value, dict):
        keys = top or sorted(value, key=lambda name: (_ORDER.get(name, _OTHERS), name))
        pairs: list[tuple[Node, Node]] = [(_key(name), _node(value[name], name)) for name in keys]
        return MappingNode("", pairs, flow_style=not pairs)
    if isinstance(value, list):
        return SequenceNode("", [_node(one) for one in value], flow_style=not value)
    if not isinstance(value, str):
        return plain(json.dumps(value))
    if key in _WORDS and _WORD.fullmatch(value) and value not in _NO_TEXT:
        return plain(value)
    return quoted(value)


def _key(name: str) -> ScalarNode:
    return plain(name) if re.fullmatch(r"[A-Za-z]+", name) and name.title() not in _NO_TEXT else quoted(name)
