"""Why a Service cannot have a canary Ingress, and notes on what an edit relies on."""

from collections.abc import Sequence

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.ingressnginx.canary import is_target
from gatewayctl.gateways.ingressnginx.ingress import Ingress, ServiceName, canary_name, parse_service
from gatewayctl.gateways.ingressnginx.locate import IngressFile, ingresses_of, refuse_templates
from gatewayctl.gateways.ingressnginx.resource import PREFIX

_SHOWN = 20
_NAME = 253  # characters of an object's name
# Annotations with which no request reaches the Service through a rule that could look at a header.
_UNUSABLE = {
    "ssl-passthrough": "passes TLS through unread: no header can be seen",
    "permanent-redirect": "answers every request with a redirect: none reaches the Service",
    "temporal-redirect": "answers every request with a redirect: none reaches the Service",
}


def explain_unrouted(files: Sequence[IngressFile], rule: CanaryRule) -> Refused:
    """The error for a Service that no Ingress of stable's sends to, with the most specific reason."""
    stable = parse_service(rule.service)
    for ingress in ingresses_of(files):
        for backend in ingress.backends:
            if stable.is_named_by(ingress, backend):
                reason = f"only {ingress.full_name} sends to {stable}, and it is itself a canary"
                return ingress.fragment.refusal(backend.node, reason)
    names = ", ".join(one.source.file.name for one in files)
    known = sorted({one.service for ingress in ingresses_of(files) for one in ingress.backends if one.service})
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    tail = f"; Services with paths: {', '.join(known[:_SHOWN])}{more}" if known else ": these Ingresses have no paths"
    return Refused(names, 0, f"no path sends to {stable}{tail}")


def refuse_unusable(files: Sequence[IngressFile], targets: Sequence[Ingress], rule: CanaryRule) -> None:
    """Raise Refused if one of the Ingresses that send to the Service cannot have a canary."""
    _refuse_two_namespaces(targets, rule)
    seen: dict[tuple[str, str], Ingress] = {}
    for ingress in targets:
        refuse_templates(ingress)
        _refuse_form(ingress)
        _refuse_class(ingress)
        _refuse_annotations(ingress)
        _refuse_names(ingress, rule)
        _refuse_rival(files, ingress, rule)
        if seen.setdefault((ingress.namespace, ingress.name), ingress) is not ingress:
            raise ingress.fragment.refusal(ingress.node, f"the Ingress {ingress.full_name} is in these files twice")


def notes(targets: Sequence[Ingress]) -> tuple[str, ...]:
    """What the canary cannot change."""
    return tuple(
        f"{one.full_name} keeps a client at one Pod by a cookie, and that cookie wins over the header: "
        f"ask for the canary without cookies of an earlier answer"
        for one in targets
        if one.annotations.get(f"{PREFIX}affinity") == "cookie"
        and one.annotations.get(f"{PREFIX}affinity-canary-behavior") != "legacy"
    )


def _refuse_two_namespaces(targets: Sequence[Ingress], rule: CanaryRule) -> None:
    stable = parse_service(rule.service)
    found = dict.fromkeys(one.namespace for one in targets)
    if len(found) > 1:
        choices = " or ".join(str(ServiceName(stable.name, one or "NAMESPACE")) for one in found)
        last = next(one for one in targets if one.namespace != targets[0].namespace)
        raise last.fragment.refusal(
            last.node,
            f"the name {stable.name} stands for Services of two namespaces in these files",
            hint=f"name one of them: {choices}",
        )


def _refuse_form(ingress: Ingress) -> None:
    if ingress.fragment.text.lstrip().startswith(("{", "[")):
        reason = "a file in JSON holds one document: the canary, which is one more, cannot be added"
        raise ingress.fragment.refusal(ingress.node, reason, hint="write the file as YAML")


def _refuse_class(ingress: Ingress) -> None:
    """A canary without a class was seen to get all requests, from another controller that knew it as no canary."""
    if not ingress.has_class:
        raise ingress.fragment.refusal(
            ingress.node,
            f"Ingress {ingress.full_name} has no class: every controller in the cluster could serve its canary, and "
            "one that does not know canaries would send it all requests",
            hint="write spec.ingressClassName into it; kubectl get ingressclass lists the classes",
        )


def _refuse_annotations(ingress: Ingress) -> None:
    for name, why in _UNUSABLE.items():
        if ingress.annotations.get(f"{PREFIX}{name}", "false") not in {"", "false"}:
            raise ingress.fragment.refusal(ingress.node, f"the annotation {name} of {ingress.full_name} {why}")


def _refuse_names(ingress: Ingress, rule: CanaryRule) -> None:
    """Raise Refused for a canary in another namespace, or with a name that is too long."""
    canary, stable = parse_service(rule.canary), parse_service(rule.service)
    if canary.namespace not in {"", stable.namespace or ingress.namespace}:
        raise ingress.fragment.refusal(
            ingress.node,
            f"the canary {rule.canary} is in another namespace than {rule.service}",
            hint=f"name a Service in the same namespace: --canary {ServiceName(canary.name, stable.namespace)}",
        )
    if len(canary_name(rule.app, ingress.name)) > _NAME:
        raise ingress.fragment.refusal(
            ingress.node, f"the name of its canary would be longer than {_NAME} characters", hint="use a shorter name"
        )


def _refuse_rival(files: Sequence[IngressFile], ingress: Ingress, rule: CanaryRule) -> None:
    """Of two canaries of one path the controller serves one, and ignores the other without a word."""
    wanted = {(one.host, one.path) for one in ingress.backends if is_target(ingress, one, rule)}
    for other in ingresses_of(files):
        if not other.is_canary or other.namespace != ingress.namespace:
            continue
        for backend in other.backends:
            if (backend.host, backend.path) in wanted:
                raise other.fragment.refusal(
                    backend.node,
                    f"{other.full_name} is a canary of the same path: the controller serves one of them only",
                    hint="delete that one first",
                )
