"""The API server's opinion of an HTTPRoute before it is written: the very patch, as a dry run.

Its schema, its CEL rules, webhooks and our rights have spoken then; unknown fields are refused, not dropped.
"""

from http import HTTPStatus

from gatewayctl.adapters.kubernetes.client.api import ApiFault
from gatewayctl.adapters.kubernetes.routes.objects import HttpRouteStore
from gatewayctl.domain.errors import Refused
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import Files
from gatewayctl.ports import Checker

_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY})


class HttpRouteDryRun:
    """Implements ports.Checker: what can be counted is counted first, then the API server is asked."""

    def __init__(self, store: HttpRouteStore, counted: Checker) -> None:
        self._store, self._counted = store, counted

    def check(self, before: Files, after: Files) -> Validation:
        """Whether the API server would take what differs. Raises EnvironmentFailed when it cannot be asked."""
        said = self._counted.check(before, after)
        if not said.ok:
            return said
        for old, new in zip(before, after, strict=True):
            if old.text == new.text:
                continue
            try:
                self._store.would(new.name, new.text)
            except Refused as why:
                return Validation(ok=False, checked=True, detail=str(why))
            except ApiFault as why:
                if why.status not in _REFUSED:
                    raise
                return Validation(ok=False, checked=True, detail=str(why))
        return Validation(ok=True, checked=True, detail="accepted by the API server in a dry run")
