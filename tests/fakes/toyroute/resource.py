"""ToyRoute as an API object: another group, another place of the rules, another order of keys, another status."""

from gatewayctl.gateways.resource import Acceptance, KeyOrder, RouteResource

TOYROUTE = RouteResource(
    group="toy.example",
    version="v1",
    plural="toyroutes",
    kind="ToyRoute",
    api="toy gateway",
    rules=("spec", "traffic", "routes"),
    key_order=KeyOrder(first=("to", "path"), last=("when", "stamp", "label")),
    acceptance=Acceptance(("status", "gateways"), ("name",), accepted="Serving"),
    unknown_field_hint="apply the newest ToyRoute CRD",
)
