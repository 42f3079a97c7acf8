"""VirtualService as an API object."""

from gatewayctl.gateways.resource import KeyOrder, RouteResource

VIRTUAL_SERVICE = RouteResource(
    group="networking.istio.io",
    version="v1",
    plural="virtualservices",
    kind="VirtualService",
    api="Istio",
    rules=("spec", "http"),
    # The dialect puts a route's name and matches first, and the headers that it adds to a match or a destination last.
    key_order=KeyOrder(first=("name", "match"), last=("headers",)),
    unknown_field_hint="update Istio's CRDs, or edit the file and apply it",
)
