"""Checks of everything but the gateway that could send unmarked traffic to a canary, start it, or end stable's Pods.

A header rule is worth nothing where a Service, an autoscaler or a disruption budget treats stable and canary as one.
Each fault says what to change.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from gatewayctl.adapters.kubernetes.client.api import Api, NotFound, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.client.paths import (
    autoscalers,
    config_maps,
    deployments,
    disruption_budgets,
    services,
)
from gatewayctl.adapters.kubernetes.doctor.check import run_check
from gatewayctl.adapters.kubernetes.doctor.owners import check_owners
from gatewayctl.adapters.kubernetes.doctor.rolling_update import check_rolling_update
from gatewayctl.adapters.kubernetes.doctor.service_registry import config_maps_of, find_registration, read_settings
from gatewayctl.adapters.kubernetes.doctor.twin_diff import find_differences
from gatewayctl.domain.errors import EnvironmentFailed, GatewayctlError, UsageFault
from gatewayctl.domain.platform import Check
from gatewayctl.domain.registration import registered_name
from gatewayctl.domain.release import Target

_MOST = 8  # ConfigMaps that are looked into
_SHOWN = 5  # differences named in one line


@dataclass(frozen=True, slots=True)
class TwinContext:
    """The twins, the ConfigMaps that they read, and every object of their namespace that picks Pods or scales."""

    stable: Object
    canary: Object
    services: tuple[Object, ...] = ()
    budgets: tuple[Object, ...] = ()
    autoscalers: tuple[Object, ...] = ()
    config_maps: dict[str, Object] = field(default_factory=dict)


def check_twins(
    api: Api, namespace: str, target: Target, deployment: Callable[[str], Object], container: str = ""
) -> tuple[Check, ...]:
    """The checks of one application's twins. Three requests, and one for each ConfigMap that they read.

    `deployment` reads a twin by its name; what it raises is the only check then. `container` is as in
    `find_differences`.
    """
    try:
        around = _read(api, namespace, deployment(target.stable), deployment(target.canary))
    except GatewayctlError as fault:
        return (Check("twins", str(fault), fault),)
    looks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("twins", partial(compare_twins, around, target.app, container)),
        ("services", partial(check_services, around, namespace)),
        ("disruption budgets", partial(check_budgets, around)),
        ("autoscalers", partial(check_autoscalers, around, namespace)),
        ("registry", partial(check_registry, around, registered_name(target.canary_uri))),
    )
    return (
        *(run_check(name, look) for name, look in looks),
        check_owners(api, (around.stable, around.canary)),
        check_rolling_update(around.stable, container),
    )


def _read(api: Api, namespace: str, stable: Object, canary: Object) -> TwinContext:
    found: dict[str, Object] = {}
    for name in sorted({*config_maps_of(stable), *config_maps_of(canary)})[:_MOST]:
        try:
            found[name] = api.get(config_maps(namespace, name))
        except NotFound:
            continue  # optional, or shown as the Pods' own fault when they start
    return TwinContext(
        stable,
        canary,
        tuple(items(api.get(services(namespace)), "items")),
        tuple(items(api.get(disruption_budgets(namespace)), "items")),
        tuple(items(api.get(autoscalers(namespace)), "items")),
        found,
    )


def read_twin(api: Api, namespace: str, name: str) -> Object:
    """One Deployment. Raises EnvironmentFailed, naming it, when it does not exist."""
    try:
        return api.get(deployments(namespace, name))
    except NotFound as fault:
        raise EnvironmentFailed(
            f"there is no Deployment {name} in namespace {namespace}",
            hint="stable and its canary twin must both stand; the canary with replicas: 0",
        ) from fault


def compare_twins(around: TwinContext, app: str, container: str = "") -> str:
    """The first differences, for a person to judge: a difference weakens what a canary proves, and refuses nothing."""
    found = find_differences(around.stable, around.canary, container)
    if not found:
        return "alike but for name, image and replicas"
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    first = "; ".join(map(str, found[:_SHOWN]))
    return f"differ in {len(found)} places: {first}{more} (gatewayctl sync {app})"


def check_services(around: TwinContext, namespace: str) -> str:
    """Check that no Service, nor stable's own selector, picks the Pods of both. Raises UsageFault."""
    names = name_of(around.stable), name_of(around.canary)
    both = _labels(around.stable), _labels(around.canary)
    if _matches(part(around.stable, "spec", "selector"), both[1]):
        raise UsageFault(
            f"Deployment {names[0]}: its selector also matches the Pods of {names[1]}",
            hint=f"give the Pods of {names[1]} another value of one of its labels; selectors cannot be changed, "
            f"so {names[1]} must be deleted and made again",
        )
    for service in around.services:
        chosen = part(service, "spec", "selector")
        headless = part(service, "spec").get("clusterIP") == "None" and name_of(service) not in names
        if chosen and not headless and all(_has_all(chosen, labels) for labels in both):
            selector = ",".join(f"{key}={value}" for key, value in chosen.items())
            raise UsageFault(
                f"Service {name_of(service)} picks the Pods of {names[0]} and of {names[1]} ({selector}): "
                "requests would reach the other version without the header",
                hint="narrow its selector to a label that only one of them has: "
                f"kubectl -n {namespace} edit service {name_of(service)}",
            )
    return f"{len(around.services)} looked at; none picks the Pods of both"


def check_budgets(around: TwinContext) -> str:
    """Check that no PodDisruptionBudget counts canary Pods as stable ones. Raises UsageFault."""
    for budget in around.budgets:
        chosen = part(budget, "spec", "selector")
        if all(_matches(chosen, _labels(one)) for one in (around.stable, around.canary)):
            raise UsageFault(
                f"PodDisruptionBudget {name_of(budget)} counts the Pods of {name_of(around.canary)} among those of "
                f"{name_of(around.stable)}: a drain could end all of stable while the canary stands",
                hint="narrow its selector to a label that only stable's Pods have",
            )
    return f"{len(around.budgets)} looked at; none counts the Pods of both"


def check_autoscalers(around: TwinContext, namespace: str) -> str:
    """Check that no autoscaler scales the canary. Raises UsageFault."""
    canary = name_of(around.canary)
    for one in around.autoscalers:
        scaled = part(one, "spec", "scaleTargetRef")
        if (scaled.get("kind"), scaled.get("name")) == ("Deployment", canary):
            raise UsageFault(
                f"HorizontalPodAutoscaler {name_of(one)} scales {canary}: it would undo what a release asks for",
                hint=f"kubectl -n {namespace} delete hpa {name_of(one)}: a canary stands at 0 or 1",
            )
    return f"{len(around.autoscalers)} looked at; none scales {canary}"


def check_registry(around: TwinContext, own_name: str = "") -> str:
    """Check that the canary does not register as stable in Eureka, Nacos or Consul. Raises UsageFault.

    `own_name` is the name under which a rule sends to it; empty where the gateway sends to its Service.
    """
    stable, canary = (read_settings(one, around.config_maps) for one in (around.stable, around.canary))
    found = find_registration(stable, canary)
    if found is None:
        return "the canary does not register as stable"
    registry, switch = found
    raise UsageFault(
        f"{name_of(around.canary)} would register in {registry} under the name of {name_of(around.stable)}: "
        "clients of the registry, a gateway among them, would send it unmarked traffic",
        hint=f"set SPRING_APPLICATION_NAME={own_name} in {name_of(around.canary)}: canary_uri has this name"
        if own_name
        else f"set {switch} in {name_of(around.canary)}, or another spring.application.name",
    )


def _labels(deployment: Object) -> Object:
    return part(deployment, "spec", "template", "metadata", "labels")


def _has_all(wanted: Object, labels: Object) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def _matches(selector: Object, labels: Object) -> bool:
    """As Kubernetes decides: all of matchLabels and matchExpressions must hold; an empty selector matches every Pod."""
    return _has_all(part(selector, "matchLabels"), labels) and all(
        _is_true(one, labels) for one in items(selector, "matchExpressions")
    )


def _is_true(expression: Object, labels: Object) -> bool:
    key, values = str(expression.get("key")), expression.get("values")
    listed: Iterable[object] = values if isinstance(values, list) else ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in listed
        case "NotIn":
            return labels.get(key) not in listed
        case "Exists":
            return key in labels
        case _:
            return key not in labels
