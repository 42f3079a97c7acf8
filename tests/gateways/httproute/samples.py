"""Rules and small HTTPRoutes for the tests of the dialect."""

from gatewayctl.domain.routing import CanaryRule, Files
from gatewayctl.gateways.registry import gateway
from tests.gateways.samples import a_rule, one_file

__all__ = ["API", "DIALECT", "a_rule", "httproute", "insert_and_undo", "notes", "one", "to"]

DIALECT = gateway("httproute").dialect
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


def notes(text: str, rule: CanaryRule | None = None) -> tuple[str, ...]:
    """The notes of an insert."""
    return DIALECT.insert(one(text), rule or a_rule()).notes


def insert_and_undo(text: str, rule: CanaryRule | None = None) -> str:
    """The edited text; checks that a second insert changes nothing and that the edit can be undone."""
    files = one(text)
    rule = rule or a_rule()
    after = DIALECT.insert(files, rule).apply(files)
    assert after != files
    assert DIALECT.insert(after, rule).stages == ()
    assert DIALECT.remove(after, rule.app).apply(after) == files
    return after[0].text
