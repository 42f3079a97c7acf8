"""The canary of one Ingress: an Ingress of ours with the same hosts, paths, class, TLS and annotations.

ingress-nginx takes most annotations from stable's Ingress and ignores them on a canary. Other controllers that read the
same annotations may not, so the canary has all of them.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.ingressnginx.ingress import (
    CANARY,
    HEADER,
    OWN_LABEL,
    TOTAL,
    VALUE,
    WEIGHT,
    Backend,
    Ingress,
    canary_name,
    parse_service,
)
from gatewayctl.gateways.ingressnginx.resource import CLASS_ANNOTATION, INGRESS, PREFIX
from gatewayctl.gateways.object_form import ObjectForm

APP_LABEL = "gatewayctl.dev/app"
_FORM = ObjectForm(INGRESS.key_order, INGRESS.plain_keys)


def is_target(ingress: Ingress, backend: Backend, rule: CanaryRule) -> bool:
    """Whether requests of this path are for the Service of the rule, and stable's."""
    return not ingress.is_canary and parse_service(rule.service).is_named_by(ingress, backend)


def canary_text(ingress: Ingress, rule: CanaryRule) -> str:
    """The canary of `ingress` as a YAML document of its own, with the `---` above it."""
    targets = [one for one in ingress.backends if is_target(ingress, one, rule)]
    canary = parse_service(rule.canary).name
    spec: dict[str, Any] = {"ingressClassName": ingress.class_name} if ingress.class_name else {}
    default = next((one for one in targets if one.is_default), None)
    if default:
        spec["defaultBackend"] = _backend(canary, default)
    rules = _rules(canary, (one for one in targets if not one.is_default))
    spec.update({"rules": rules} if rules else {})
    spec.update({"tls": list(ingress.tls)} if ingress.tls else {})
    metadata: dict[str, Any] = {"name": canary_name(rule.app, ingress.name)}
    metadata.update({"namespace": ingress.namespace} if ingress.namespace else {})
    metadata["annotations"] = {**_shaping(ingress), **_canary_annotations(rule)}
    metadata["labels"] = {OWN_LABEL[0]: OWN_LABEL[1], APP_LABEL: rule.app}
    head = {"apiVersion": INGRESS.api_version, "kind": INGRESS.kind, "metadata": metadata}
    return f"---\n{_FORM.write({**head, 'spec': spec})}"


def _canary_annotations(rule: CanaryRule) -> dict[str, str]:
    """What makes it a canary. Without a weight, requests with another value of the header get stable."""
    found = {CANARY: "true", HEADER: rule.header.name, VALUE: rule.header.value}
    return {**found, **({WEIGHT: str(rule.share), TOTAL: "100"} if rule.share else {})}


def _shaping(ingress: Ingress) -> dict[str, str]:
    """Stable's annotations that shape requests; those of other tools would make them act on our object, too."""
    return {
        name: value
        for name, value in ingress.annotations.items()
        if name == CLASS_ANNOTATION or (name.startswith(PREFIX) and not name.startswith(CANARY))
    }


def _rules(canary: str, targets: Iterable[Backend]) -> list[dict[str, Any]]:
    """The rules of the canary, one for each run of paths with the same host."""
    rules = []
    for host, paths in groupby(targets, key=lambda one: one.host):
        listed = [_path(canary, one) for one in paths]
        rules.append({**({"host": host} if host else {}), "http": {"paths": listed}})
    return rules


def _path(canary: str, target: Backend) -> dict[str, Any]:
    path = {"path": target.path} if target.path else {}
    return {**path, "pathType": target.path_type or "ImplementationSpecific", "backend": _backend(canary, target)}


def _backend(canary: str, target: Backend) -> dict[str, Any]:
    port = {"number": target.port} if isinstance(target.port, int) else {"name": target.port}
    return {"service": {"name": canary, **({"port": port} if target.port else {})}}
