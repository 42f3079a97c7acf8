"""HTTPRoute as an API object."""

from gatewayctl.gateways.resource import Acceptance, KeyOrder, RouteResource

HTTPROUTE = RouteResource(
    group="gateway.networking.k8s.io",
    version="v1",
    plural="httproutes",
    kind="HTTPRoute",
    api="Gateway API",
    rules=("spec", "rules"),
    # The dialect puts a rule's name first, filters before backends, and what it adds to a match or a modifier last.
    key_order=KeyOrder(first=("type", "name", "matches", "filters", "backendRefs"), last=("headers", "set")),
    plain_keys=frozenset({"type"}),
    acceptance=Acceptance(("status", "parents"), ("parentRef", "name"), accepted="Accepted", resolved="ResolvedRefs"),
    unknown_field_hint="update the Gateway API's CRDs (1.4 or newer knows rule names), or edit the file and apply it",
)
