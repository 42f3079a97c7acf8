"""Asks the API server about a route object before it is written: it gets the very write, as a dry run.

Its schema, its CEL rules, webhooks and our rights are checked by that; unknown fields are refused, not dropped.
"""

from http import HTTPStatus
from typing import Protocol

from gatewayctl.adapters.kubernetes.client.api import ApiFault
from gatewayctl.domain.errors import Refused
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import Files
from gatewayctl.ports import Checker

_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY})


class DryRun(Protocol):
    """A route store that can ask the API server about a write."""

    def try_write(self, route: str, text: str) -> None:
        """Ask the API server whether it would take this text for a route. Raises what a write would raise."""


class ObjectDryRun:
    """Implements ports.Checker: the product's own check without a cluster comes first, then the API server is asked."""

    def __init__(self, store: DryRun, offline: Checker) -> None:
        self._store, self._offline = store, offline

    def check(self, before: Files, after: Files) -> Validation:
        """Whether the API server would take what differs. Raises EnvironmentFailed when it cannot be asked."""
        validation = self._offline.check(before, after)
        if not validation.ok:
            return validation
        for old, new in zip(before, after, strict=True):
            if old.text == new.text:
                continue
            try:
                self._store.try_write(new.name, new.text)
            except Refused as why:
                return Validation(ok=False, checked=True, detail=str(why))
            except ApiFault as why:
                if why.status not in _REFUSED:
                    raise
                return Validation(ok=False, checked=True, detail=str(why))
        return Validation(ok=True, checked=True, detail="accepted by the API server in a dry run")
