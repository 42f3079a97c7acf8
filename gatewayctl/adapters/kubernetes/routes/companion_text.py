"""Stable's object and our companions of it as one file for the dialect, and what a changed file says of each companion.

The file has one document for each object: first stable's, then the companions by name. All of them are written in one
form, the one in which the dialect writes a companion: what was written is read back as the same bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import name_of, part, texts
from gatewayctl.domain.errors import Refused, UsageFault
from gatewayctl.domain.nesting import TooDeep
from gatewayctl.gateways.object_form import ObjectForm
from gatewayctl.gateways.resource import INACTIVE_CLASS, Companions, RouteResource
from gatewayctl.yamlloader import load

_NEXT = "---\n"


@dataclass(frozen=True, slots=True)
class CompanionText:
    """Objects of one resource with companions as text, and back."""

    resource: RouteResource
    companions: Companions

    def text_of(self, stable: Object, companions: Iterable[Object]) -> str:
        """Stable's object and its companions. Labels are part of a companion's text, and not of stable's."""
        named = sorted(companions, key=name_of)
        return _NEXT.join([self._document(stable, ("annotations",)), *map(self.companion_text, named)])

    def companion_text(self, found: Object) -> str:
        """One companion, without what the API server and our marks add to it."""
        return self._document(found, ("labels", "annotations"))

    def companions_in(self, name: str, before: str, text: str) -> dict[str, Object]:
        """The companions that `text` asks for, by name; `before` is the file as it was read.

        Raises Refused when stable's part of the file differs, UsageFault for documents that are no such objects.
        """
        stable, *wanted = text.split(_NEXT)
        if stable != before.split(_NEXT)[0]:
            raise Refused(name, 0, f"a live {self.resource.kind} of stable's is never edited, and this differs in it")
        return {name_of(one): one for one in (self._parse(name, document) for document in wanted)}

    def without_class(self, wanted: Object) -> Object:
        """The same companion with a class that no gateway has."""
        metadata, rest = part(wanted, "metadata"), self.companions.class_field
        annotations = {
            key: value
            for key, value in texts(metadata, "annotations").items()
            if key != self.companions.class_annotation
        }
        return _put({**wanted, "metadata": {**metadata, "annotations": annotations}}, rest, INACTIVE_CLASS)

    def _document(self, found: Object, kept: tuple[str, ...]) -> str:
        metadata = part(found, "metadata")
        named: Object = {key: metadata.get(key, "") for key in ("name", "namespace")}
        for key in kept:
            values = self._shaping(texts(metadata, key)) if key == "annotations" else texts(metadata, key)
            named.update({key: values} if values else {})
        head = {"apiVersion": self.resource.api_version, "kind": self.resource.kind, "metadata": named}
        form = ObjectForm(self.resource.key_order, self.resource.plain_keys)
        return form.write({**head, self.resource.rules[0]: part(found, self.resource.rules[0])})

    def _shaping(self, annotations: dict[str, str]) -> dict[str, str]:
        return {key: value for key, value in annotations.items() if key.startswith(self.companions.annotations)}

    def _parse(self, name: str, text: str) -> Object:
        try:
            found = load(text)
        except TooDeep as fault:
            raise UsageFault(f"{name}: {fault}") from fault
        except (yaml.YAMLError, ValueError) as fault:
            raise UsageFault(f"{name}: not YAML: {fault}") from fault
        if not isinstance(found, dict) or found.get("kind") != self.resource.kind or not name_of(found):
            raise UsageFault(f"{name}: expected objects of kind {self.resource.kind}")
        return found


def _put(found: Object, path: tuple[str, ...], value: str) -> Object:
    """A copy of the object with `value` at `path`."""
    key, *rest = path
    return {**found, key: _put(part(found, key), tuple(rest), value) if rest else value}
