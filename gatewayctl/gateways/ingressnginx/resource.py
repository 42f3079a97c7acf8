"""Ingress as an API object. A canary is an Ingress of its own, so stable's Ingress is read and never written."""

from gatewayctl.gateways.resource import Companions, KeyOrder, RouteResource

PREFIX = "nginx.ingress.kubernetes.io/"
"""The beginning of ingress-nginx's annotations, unless the controller was started with another."""

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
"""The class as older files give it."""

INGRESS = RouteResource(
    group="networking.k8s.io",
    version="v1",
    plural="ingresses",
    kind="Ingress",
    api="Ingress API",
    rules=("spec", "rules"),
    key_order=KeyOrder(first=("apiVersion", "kind", "metadata", "name", "namespace")),
    plain_keys=frozenset({"pathType"}),
    companions=Companions((PREFIX, CLASS_ANNOTATION), ("spec", "ingressClassName"), CLASS_ANNOTATION),
    unknown_field_hint="edit the file and apply it",
)
