"""Rules and small HTTPRoutes for the tests of the dialect."""

from gatewayctl.domain.routing import Files
from tests.gateways.samples import a_rule, one_file

__all__ = ["API", "a_rule", "httproute", "one", "to"]

API = "gateway.networking.k8s.io/v1"


def one(text: str, name: str = "route.yaml") -> Files:
    """A gateway with one file."""
    return one_file(text, name)


def httproute(rules: str, name: str = "shop", spec: str = "", api: str = API) -> str:
    """An HTTPRoute; `rules` are lines of a list with the dash at column 2, `spec` more lines of the spec."""
    meta = f"metadata:\n  name: {name}\n  namespace: shop\n"
    return f"apiVersion: {api}\nkind: HTTPRoute\n{meta}spec:\n{spec}  rules:\n{rules}"


def to(service: str, path: str = "", more: str = "", name: str = "") -> str:
    """A rule that sends a path to a service; `more` are lines with keys at column 4."""
    head = f"  - name: {name}\n    matches:\n" if name else "  - matches:\n"
    match = f"    - path: {{type: PathPrefix, value: {path or '/'}}}\n"
    return f"{head}{match}{more}    backendRefs:\n    - name: {service}\n      port: 80\n"
