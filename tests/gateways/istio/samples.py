"""Rules and small VirtualServices for the tests of the dialect."""

from typing import Any

import yaml

from gatewayctl.domain.routing import CanaryRule, Files
from gatewayctl.gateways.registry import gateway
from tests.contract.dialects import insert_reversibly
from tests.gateways.samples import a_rule, one_file

__all__ = ["API", "DIALECT", "a_rule", "insert_and_undo", "notes", "one", "parsed", "routes_of", "to", "vs"]

DIALECT = gateway("istio").dialect
API = "networking.istio.io/v1"


def one(text: str, name: str = "shop.yaml") -> Files:
    """A gateway with one file."""
    return one_file(text, name)


def vs(http: str, name: str = "shop", spec: str = "", hosts: str = '["*"]', gateways: str = "[edge]") -> str:
    """A VirtualService in namespace shop; `http` are lines of a list with the dash at column 2."""
    head = f"apiVersion: {API}\nkind: VirtualService\nmetadata:\n  name: {name}\n  namespace: shop\nspec:\n"
    edge = f"  gateways: {gateways}\n" if gateways else ""
    listed = f"  hosts: {hosts}\n" if hosts else ""
    return f"{head}{listed}{edge}{spec}  http:\n{http}"


def to(host: str, path: str = "", more: str = "") -> str:
    """A route that sends a path to a host; `more` are lines with keys at column 4."""
    head = f"  - match:\n    - uri: {{prefix: {path}}}\n" if path else "  - name: all\n"
    return f"{head}{more}    route:\n    - destination: {{host: {host}}}\n"


def parsed(text: str) -> dict[str, Any]:
    """The only object of a text."""
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def routes_of(text: str) -> list[dict[str, Any]]:
    """The HTTP routes of the only object."""
    found: list[dict[str, Any]] = parsed(text)["spec"]["http"]
    return found


def notes(text: str, rule: CanaryRule | None = None) -> tuple[str, ...]:
    """The notes of an insert."""
    return DIALECT.insert(one(text), rule or a_rule()).notes


def insert_and_undo(text: str, rule: CanaryRule | None = None) -> str:
    """The edited text; checks that a second insert changes nothing and that the edit can be undone."""
    (after,) = insert_reversibly(DIALECT, one(text), rule or a_rule())
    return after.text
