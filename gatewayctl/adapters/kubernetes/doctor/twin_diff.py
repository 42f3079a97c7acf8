"""Where the Pod templates of stable and its canary differ, and the patch that brings the canary in line.

The more alike the two are, the more a canary proves. Name, image, replicas, labels, and the variables that keep a
canary out of a registry are its own: they are never compared or written.
"""

import copy
import json
import re
from typing import Any

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.doctor.service_registry import is_registry_variable
from gatewayctl.adapters.kubernetes.workloads.objects import containers_of_image, find_container
from gatewayctl.domain.twins import Difference

_KEYS = ("name", "mountPath", "containerPort", "devicePath", "key")  # what tells one item of a list from the others
_OTHERS = ("kubectl.kubernetes.io/", "gatewayctl.dev/")  # annotations about when something was done
_SECRET = re.compile(r"secret|passw|token|credential|private|api_?key|access_?key|auth", re.IGNORECASE)
_INLINE = re.compile(r"://[^/\s:]*:[^/\s]*@|(?:passw\w{0,40}|secret|token)\W*[=:]", re.IGNORECASE)
_HIDDEN, _ABSENT = "(not shown)", "(absent)"
_LONGEST = 120  # characters of a value


def find_differences(stable: Object, canary: Object, container: str = "") -> tuple[Difference, ...]:
    """Where the Pod templates differ beyond what a canary must have of its own. Raises EnvironmentFailed.

    `container` is the application's, where its configuration names it.
    """
    found: list[Difference] = []
    _compare("spec", _intended_spec(stable, canary, container), part(canary, "spec", "template", "spec"), found)
    _compare("annotations", _annotations(stable), _annotations(canary), found)
    return tuple(found)


def sync_patch(stable: Object, canary: Object, container: str = "") -> list[Object]:
    """A JSON Patch that brings the canary's Pod template in line if nobody wrote to it since; empty when it is.

    Labels are left alone: a Service may choose Pods by any of them, and copying one could send it unmarked traffic.
    """
    if not find_differences(stable, canary, container):
        return []
    meta = part(canary, "metadata")
    before = part(canary, "spec", "template", "metadata", "annotations")
    notes = {key: value for key, value in before.items() if key not in _annotations(canary)} | _annotations(stable)
    return [
        {"op": "test", "path": "/metadata/uid", "value": meta.get("uid")},
        {"op": "test", "path": "/metadata/generation", "value": meta.get("generation")},
        {"op": "replace", "path": "/spec/template/spec", "value": _intended_spec(stable, canary, container)},
        {"op": "add", "path": "/spec/template/metadata/annotations", "value": notes},
    ]


def _intended_spec(stable: Object, canary: Object, container: str) -> Object:
    """The Pod spec that the canary should have: stable's, with what is the canary's own."""
    (place, _, _), (own, name, image) = find_container(stable, container), find_container(canary, container)
    wanted = copy.deepcopy(part(stable, "spec", "template", "spec"))
    now = part(canary, "spec", "template", "spec")
    app, same = wanted["containers"][place], tuple(containers_of_image(stable, container))
    for pointer, _ in same:  # a release gives them the application's image, as it does in the canary
        kind, index = pointer.split("/")[-2:]
        wanted[kind][int(index)]["image"] = image
    app.update(name=name, image=image)
    _keep_registration(app, now["containers"][own])
    labels = {
        (key, value): part(canary, "spec", "selector", "matchLabels").get(key, value)
        for key, value in part(stable, "spec", "selector", "matchLabels").items()
    }
    kept = _keep_own(wanted, now, (name_of(stable), name_of(canary)), labels)
    return kept if isinstance(kept, dict) else {}


def _keep_registration(wanted: Object, now: Object) -> None:
    """The canary's variables that keep it out of a registry stay as they are; stable's are not copied over them."""
    env = [one for one in items(wanted, "env") if not is_registry_variable(str(one.get("name")))]
    env += [one for one in items(now, "env") if is_registry_variable(str(one.get("name")))]
    if env:
        wanted["env"] = env
    else:
        wanted.pop("env", None)


def _keep_own(wanted: Any, now: Any, names: tuple[str, str], labels: dict[tuple[str, Any], Any]) -> Any:
    """`wanted` with the canary's own name where it has it now, and selectors that mean the canary's own Pods."""
    if isinstance(wanted, dict):
        here = now if isinstance(now, dict) else {}
        return {
            key: {label: labels.get((label, text), text) for label, text in value.items()}
            if key == "matchLabels" and isinstance(value, dict)
            else _keep_own(value, here.get(key), names, labels)
            for key, value in wanted.items()
        }
    if isinstance(wanted, list):
        beside = dict(_by_key(now if isinstance(now, list) else []))
        return [_keep_own(one, beside.get(key), names, labels) for key, one in _by_key(wanted)]
    return now if (wanted, now) == names else wanted


def _by_key(found: list[Any]) -> list[tuple[str, Any]]:
    """Each item of a list with its key: its name where every item has one of its own, else its index."""
    for word in _KEYS:
        keys = [str(one[word]) for one in found if isinstance(one, dict) and word in one]
        if len(set(keys)) == len(found):
            return list(zip(keys, found, strict=True))
    return [(str(place), one) for place, one in enumerate(found)]


def _compare(path: str, wanted: Any, now: Any, found: list[Difference]) -> None:
    if isinstance(wanted, dict) and isinstance(now, dict):
        for key in sorted({*wanted, *now}):
            _compare(f"{path}.{key}", wanted.get(key), now.get(key), found)
    elif isinstance(wanted, list) and isinstance(now, list) and (wanted or now):
        left, right = dict(_by_key(wanted)), dict(_by_key(now))
        for key in [*left, *(key for key in right if key not in left)]:
            _compare(f"{path}[{key}]", left.get(key), right.get(key), found)
    elif wanted != now:
        found.append(Difference(path, _format_value(path, wanted), _format_value(path, now)))


def _format_value(path: str, value: Any) -> str:
    if value is None:
        return _ABSENT
    if _SECRET.search(path) and "secretKeyRef" not in path:
        return _HIDDEN
    safe = _without_secrets(value)
    text = safe if isinstance(safe, str) else json.dumps(safe, sort_keys=True, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _without_secrets(value: Any) -> Any:
    """The same value, with every text hidden that is a secret or is named like one, at any depth."""
    if isinstance(value, dict):
        named = _SECRET.search(str(value.get("name", "")))
        return {key: _HIDDEN if key == "value" and named else _without_secrets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    return _HIDDEN if isinstance(value, str) and _INLINE.search(value) else value


def _annotations(deployment: Object) -> Object:
    found = part(deployment, "spec", "template", "metadata", "annotations")
    return {key: value for key, value in found.items() if not str(key).startswith(_OTHERS)}
