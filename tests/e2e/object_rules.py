"""What may be changed of the watched objects, judged on their plain JSON and text, without the product's code."""

import copy
import re
from collections.abc import Iterable
from typing import Any

import yaml

Object = dict[str, Any]
_OURS = re.compile(r"gatewayctl-(.+)-canary")
_OUR_NOTES = "gatewayctl.dev/"
_OTHERS_NOTES = "deployment.kubernetes.io/"  # the Deployment controller's own
UNTOUCHED = frozenset({"warm", "route", "prove", "leaks", "smoke", "load", "wait", "confirm"})
ROUTED = frozenset({"leaks", "smoke", "load", "wait", "confirm", "promote"})


def apps_with_rule(text: str) -> frozenset[str]:
    """The applications whose rule is in a route file. Raises ValueError for what is no route file."""
    return frozenset(app for route in _routes(_parsed(text)) if (app := app_of_rule(route)))


def app_of_rule(route: Object) -> str:
    """The application that a route is the canary rule of; empty when it is nobody's."""
    mark = ((route.get("metadata") or {}).get("filter_metadata") or {}).get("gatewayctl") or {}
    found = _OURS.fullmatch(str(mark.get("rule") or route.get("name", "")))
    return found[1] if found else ""


def find_foreign_change(text: str, allowed: Iterable[str]) -> str:
    """Why a route file is not one of `allowed` plus our own routes; empty when it is."""
    found = ""
    for before in allowed:
        found = _foreign_change(text, before)
        if not found:
            return ""
    return found or "nothing is allowed"


def _foreign_change(text: str, before: str) -> str:
    try:
        now, then = _parsed(text), _parsed(before)
    except ValueError as fault:
        return str(fault)
    ours = {app for route in _routes(now) if (app := app_of_rule(route))}
    if not ours and text != before:
        return f"no rule of ours is in it, and it is not as before: {_first_difference(text, before)}"
    lines = iter(text.splitlines(keepends=True))
    lost = next((line for line in before.splitlines(keepends=True) if line not in lines), None)
    if lost is not None:
        return f"a line that is not ours is gone or has moved: {lost!r}"
    for host in _hosts(now):
        host["routes"] = [one for one in host.get("routes", []) if not app_of_rule(one)]
    return "" if now == then else "without our routes it says something else than before"


def _first_difference(text: str, before: str) -> str:
    pairs = zip([*text.splitlines(), ""], [*before.splitlines(), ""], strict=False)
    return next((f"{one!r}, not {other!r}" for one, other in pairs if one != other), "its end")


def _parsed(text: str) -> Object:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise ValueError(f"no YAML: {fault}") from fault
    if isinstance(found, dict):
        return found
    raise ValueError(f"no route file: {text[:80]!r}")


def _hosts(found: Object) -> list[Object]:
    return [host for one in found.get("resources", []) for host in one.get("virtual_hosts", [])]


def _routes(found: Object) -> list[Object]:
    return [route for host in _hosts(found) for route in host.get("routes", [])]


def unchanging_part(found: Object, *, free: frozenset[str] = frozenset()) -> Object:
    """What must stay of a Deployment or ConfigMap; `free` names what may change: image, replicas, data."""
    meta, spec = found["metadata"], copy.deepcopy(found.get("spec", {}))
    kept = (_OUR_NOTES, _OTHERS_NOTES)
    notes = {key: text for key, text in (meta.get("annotations") or {}).items() if not key.startswith(kept)}
    if "image" in free:
        spec["template"]["spec"]["containers"][0]["image"] = ""
    if "replicas" in free:
        spec["replicas"] = 0
    data = {} if "data" in free else found.get("data")
    return {"notes": notes, "labels": meta.get("labels"), "spec": spec, "data": data, "uid": meta["uid"]}


def image_of(deployment: Object) -> str:
    """The image of the first container."""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def is_settled(deployment: Object) -> bool:
    """Whether a Deployment's Pods are those that it asks for, by its own status."""
    status = deployment.get("status", {})
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas")}
    seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return seen and counts == {deployment["spec"]["replicas"]}


def ready_endpoints(slices: Iterable[Object], service: str) -> int:
    """How many endpoints of a Service take requests."""
    return sum(
        1
        for one in slices
        if one["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service
        for endpoint in one.get("endpoints") or ()
        if endpoint.get("conditions", {}).get("ready")
    )


def is_serving(pod: Object) -> bool:
    """Whether a gateway Pod is ready and stays."""
    conditions = pod.get("status", {}).get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp") and bool(pod["status"].get("podIP"))


def restarts(pod: Object) -> int:
    """How often its containers were started again."""
    return sum(int(one.get("restartCount", 0)) for one in pod["status"].get("containerStatuses") or ())
