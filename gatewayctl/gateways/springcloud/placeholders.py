"""Looks up the values of placeholders in the files given. The environment and registries may set other values."""

from collections.abc import Iterable

from yaml.nodes import ScalarNode

from gatewayctl.gateways.springcloud.locate import SpringFile
from gatewayctl.gateways.springcloud.relaxed_binding import find_property, path_of


class Properties:
    """The values of properties by name. A property with several values counts as unknown."""

    def __init__(self, found: Iterable[SpringFile]) -> None:
        self._found = tuple(found)
        self._known: dict[str, str | None] = {}

    def __call__(self, name: str) -> str | None:
        """The only value of the property `name`; None if there is none, or several. Raises Refused."""
        if name not in self._known:
            values = self._values(name)
            self._known[name] = values.pop() if len(values) == 1 else None
        return self._known[name]

    def _values(self, name: str) -> set[str]:
        path = path_of(name)
        if not path:
            return set()
        return {
            str(one.value.value)
            for file in self._found
            for fragment in file.source.fragments
            for root in fragment.roots
            for one in find_property(fragment, root, path)
            if not one.rest and isinstance(one.value, ScalarNode)
        }
