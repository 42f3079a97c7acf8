"""Two resources that hold route rules, each with objects as the API server hands them out, for the same tests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gatewayctl.gateways.httproute.checker import HttpRouteChecker
from gatewayctl.gateways.httproute.resource import HTTPROUTE
from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.resource import RouteResource
from gatewayctl.ports import Checker, Dialect
from tests.fakes.toyroute.dialect import ToyRouteChecker, ToyRouteDialect
from tests.fakes.toyroute.resource import TOYROUTE

Object = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One resource; `spec` makes an object's spec with three rules, of which two send to orders.

    `set_defaults` fills in a rule what the API server fills in, `backend` has the name of a rule's Service under the
    key `backend_key`. `names` are the names of the rules once orders has a canary, `added` the paths of its rules in
    the order in which they are sent.
    """

    resource: RouteResource
    dialect: Dialect
    checker: Checker
    spec: Callable[[], Object]
    set_defaults: Callable[[Object], None]
    backend: Callable[[Object], Object]
    backend_key: str
    name_key: str
    names: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def collection(self) -> str:
        """Where the API server has the objects of namespace shop."""
        return f"/apis/{self.resource.api_version}/namespaces/shop/{self.resource.plural}/"

    def route(self, name: str, **metadata: Any) -> Object:
        """As the API server hands it out: defaults filled in, keys sorted."""
        metadata = {
            "name": name,
            "namespace": "shop",
            "uid": f"u-{name}",
            "generation": 1,
            "resourceVersion": "5",
            **metadata,
        }
        head = {"apiVersion": self.resource.api_version, "kind": self.resource.kind}
        return {**head, "metadata": metadata, "spec": self.spec()}

    def rules(self, route: Object) -> list[Object]:
        """The list of rules in an object."""
        found: Any = route
        for key in self.resource.rules:
            found = found[key]
        assert isinstance(found, list)
        return found

    def owned_fields(self) -> Object:
        """How the API server writes that a server-side apply owns the rules."""
        fields: Object = {}
        for key in reversed(self.resource.rules):
            fields = {f"f:{key}": fields}
        return fields

    def status(self, *conditions: tuple[str, str]) -> Object:
        """What the controller of gateway edge says of an object: types of conditions with their status."""
        assert self.resource.acceptance is not None
        listed = [{"type": kind, "status": status, "reason": "Why"} for kind, status in conditions]
        report: Object = {"conditions": listed}
        inner = report
        for key in self.resource.acceptance.gateway[:-1]:
            inner = inner.setdefault(key, {})
        inner[self.resource.acceptance.gateway[-1]] = "edge"
        return {self.resource.acceptance.reports[1]: [report]}


def _match(path: str) -> Object:
    return {"path": {"type": "PathPrefix", "value": path}}


def _http_spec() -> Object:
    ref = {"group": "", "kind": "Service", "port": 80, "weight": 1}
    rules = [
        {"backendRefs": [{**ref, "name": "web"}], "matches": [_match("/")]},
        {
            "backendRefs": [{**ref, "name": "orders"}],
            "filters": [
                {
                    "type": "ResponseHeaderModifier",
                    "responseHeaderModifier": {"add": [{"name": "a", "value": "é & ü: on"}], "remove": ["b"]},
                }
            ],
            "matches": [{"method": "GET", **_match("/a/é"), "headers": [{"name": "v", "type": "Exact", "value": "2"}]}],
            "timeouts": {"request": "5s"},
        },
        {"backendRefs": [{**ref, "name": "orders"}], "matches": [_match("/b"), {**_match("/c"), "method": "PUT"}]},
    ]
    return {"hostnames": ["shop.example"], "parentRefs": [{"name": "edge", "kind": "Gateway"}], "rules": rules}


def _http_defaults(rule: Object) -> None:
    for ref in rule["backendRefs"]:
        ref.update({"group": "", "kind": "Service", "weight": 1, **ref})


def _toy_spec() -> Object:
    rules = [
        {"path": "/", "port": 80, "to": "web"},
        {"path": "/a/é", "note": "é & ü: on", "port": 80, "to": "orders"},
        {"path": "/b", "port": 8080, "to": "orders"},
    ]
    return {"hosts": ["shop.example"], "traffic": {"routes": rules}}


def _toy_defaults(rule: Object) -> None:
    rule.setdefault("port", 80)


SAMPLES = (
    Sample(
        HTTPROUTE,
        gateway("httproute").dialect,
        HttpRouteChecker(),
        _http_spec,
        _http_defaults,
        backend=lambda rule: rule["backendRefs"][0],
        backend_key="name",
        name_key="name",
        names=("", "", "", "gatewayctl-orders-canary", "gatewayctl-orders-canary-2"),
        added=("/spec/rules/3", "/spec/rules/3"),
    ),
    Sample(
        TOYROUTE,
        ToyRouteDialect(),
        ToyRouteChecker(),
        _toy_spec,
        _toy_defaults,
        backend=lambda rule: rule,
        backend_key="to",
        name_key="label",
        names=("", "gatewayctl-orders-canary", "", "gatewayctl-orders-canary", ""),
        added=("/spec/traffic/routes/2", "/spec/traffic/routes/1"),
    ),
)
