"""One write of one companion: created, changed or deleted, and only when it is as the write was decided on."""

from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Api, NotFound, Object
from gatewayctl.adapters.kubernetes.client.conditional_write import (
    ConditionalWrite,
    OvertakenWrite,
    write_conditionally,
)
from gatewayctl.adapters.kubernetes.client.json import part, texts
from gatewayctl.adapters.kubernetes.client.names import WRITE
from gatewayctl.adapters.kubernetes.routes.companion_text import CompanionText
from gatewayctl.domain.errors import StaleWrite

STRICT = {"fieldValidation": "Strict"}
"""Fields that the API server does not know are refused, not dropped."""

GONE: Object = {}
"""An object that does not exist."""


@dataclass(frozen=True, slots=True)
class CompanionEdit:
    """The companion at `path`: what it was, what it shall be (GONE: it does not exist), and the mark of this write."""

    path: str
    before: Object
    wanted: Object
    mark: str


@dataclass(frozen=True, slots=True)
class CompanionWriter:
    """Writes companions of one resource."""

    api: Api
    text: CompanionText

    def write(self, edit: CompanionEdit) -> Object:
        """Make the companion what it shall be, and return it. Raises StaleWrite, EnvironmentFailed.

        It must say what `edit.before` says, after the same write of ours; what a controller writes does not matter.
        """

        def verify(found: Object) -> None:
            if self._state(found) != self._state(edit.before):
                raise StaleWrite(f"{edit.path} was changed by someone else since it was read")

        def is_done_in(found: Object) -> bool:
            if not edit.wanted or not found:
                return not edit.wanted and not found
            return self._state(found) == (self.text.companion_text(edit.wanted), edit.mark)

        write = ConditionalWrite(
            edit.path, lambda found: self._send(edit, found), lambda: self._get(edit.path), is_done_in, verify
        )
        try:
            return write_conditionally(write, edit.before)
        except OvertakenWrite as fault:
            raise StaleWrite(f"{edit.path} is being changed by others all the time") from fault

    def patch(self, edit: CompanionEdit, found: Object, **query: str) -> Object:
        """Change what is there by a patch that fails when anything was written since `found`. Raises ApiFault."""
        body, top = self._body(edit, found), self.text.resource.rules[0]
        version = part(found, "metadata").get("resourceVersion")
        operations = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/metadata/labels", "value": body["metadata"]["labels"]},
            {"op": "add", "path": "/metadata/annotations", "value": body["metadata"]["annotations"]},
            {"op": "add", "path": f"/{top}", "value": body[top]},
        ]
        return self.api.patch(edit.path, operations, **STRICT, **query)

    def _send(self, edit: CompanionEdit, found: Object) -> Object:
        if not found:
            return self.api.create(edit.path.rpartition("/")[0], self._body(edit, GONE), **STRICT)
        if edit.wanted:
            return self.patch(edit, found)
        metadata = part(found, "metadata")
        self.api.delete(edit.path, {key: metadata.get(key) for key in ("uid", "resourceVersion")})
        return GONE

    def _body(self, edit: CompanionEdit, found: Object) -> Object:
        """The object to send. What others have put on it stays, unless it shapes requests."""
        new, old = part(edit.wanted, "metadata"), part(found, "metadata")
        shaping = self.text.companions.annotations
        foreign = {key: value for key, value in texts(old, "annotations").items() if not key.startswith(shaping)}
        mark = {WRITE: edit.mark} if edit.mark else {}
        labels = {**texts(old, "labels"), **texts(new, "labels")}
        return {
            **edit.wanted,
            "metadata": {**new, "labels": labels, "annotations": {**foreign, **texts(new, "annotations"), **mark}},
        }

    def _get(self, path: str) -> Object:
        try:
            return self.api.get(path)
        except NotFound:
            return GONE

    def _state(self, found: Object) -> tuple[str, str]:
        """What a companion says, and the mark of our last write to it; both empty where there is none."""
        mark = texts(found, "metadata", "annotations").get(WRITE, "")
        return (self.text.companion_text(found), mark) if found else ("", "")
