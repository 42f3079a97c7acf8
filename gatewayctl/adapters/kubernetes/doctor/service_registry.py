"""Whether an application registers in Eureka, Nacos or Consul, as far as its settings show.

A gateway that finds its upstreams in a registry ignores Services: a canary that registers under stable's name gets
unmarked traffic at once. Settings inside an image cannot be read from the cluster; the proof by traffic covers those.
"""

import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, part

Settings = Mapping[str, str]
"""Values by name, names as Spring binds them: letters and digits only, in lower case."""

_USES = {
    "Eureka": ("eurekaclientserviceurl", "eurekaserver", "eurekaurl", "eurekahost"),
    "Nacos": ("springcloudnacosdiscovery", "springcloudnacosserveraddr", "nacosserver", "nacoshost", "nacosaddr"),
    "Consul": ("springcloudconsulhost", "springcloudconsuldiscovery", "consulhttpaddr", "consulhost"),
}
_OFF = {
    "Eureka": ("eurekaclientregisterwitheureka", "eurekaclientenabled"),
    "Nacos": ("springcloudnacosdiscoveryregisterenabled", "springcloudnacosdiscoveryenabled"),
    "Consul": (
        "springcloudconsuldiscoveryregister",
        "springcloudconsuldiscoveryenabled",
        "springcloudconsulserviceregistryenabled",
        "springcloudconsulenabled",
    ),
}
_ALL_OFF = ("springcloudserviceregistryautoregistrationenabled", "springclouddiscoveryenabled")
_NAMES = (
    "springapplicationname",
    "eurekainstanceappname",
    "springcloudnacosdiscoveryservice",
    "springcloudconsuldiscoveryservicename",
)
_SWITCH = {
    "Eureka": "EUREKA_CLIENT_REGISTER_WITH_EUREKA=false",
    "Nacos": "SPRING_CLOUD_NACOS_DISCOVERY_REGISTER_ENABLED=false",
    "Consul": "SPRING_CLOUD_CONSUL_DISCOVERY_REGISTER=false",
}
_ARGUMENT = re.compile(r"(?:^|\s)(?:--|-D)([A-Za-z][\w.-]*)=(\S*)")
_LARGEST = 256 * 1024  # characters of a configuration file; a larger one is not read
_MOST_SETTINGS = 20_000  # of one file; aliases of aliases can make a few lines into more than any memory holds


def find_registration(stable: Settings, canary: Settings) -> tuple[str, str] | None:
    """The registry in which the canary would appear under stable's name, and the setting that prevents it."""
    if any(canary.get(name, "").lower() == "false" for name in _ALL_OFF):
        return None
    if any(name in canary and canary[name] != stable.get(name) for name in _NAMES):
        return None
    for registry, signs in _USES.items():
        used = any(key.startswith(signs) for key in canary)
        off = any(canary.get(name, "").lower() == "false" for name in _OFF[registry])
        if used and not off:
            return registry, _SWITCH[registry]
    return None


def is_registry_variable(variable: str) -> bool:
    """Whether a canary may need another value of this environment variable than stable, to stay out of a registry."""
    name = _normalise(variable)
    return name in _NAMES or name in _ALL_OFF or any(name in names for names in _OFF.values())


def config_maps_of(deployment: Object) -> tuple[str, ...]:
    """The ConfigMaps that its Pods take settings from, as variables or as files."""
    spec = part(deployment, "spec", "template", "spec")
    named = [part(volume, "configMap").get("name") for volume in items(spec, "volumes")]
    for container in items(spec, "containers"):
        named += [part(one, "configMapRef").get("name") for one in items(container, "envFrom")]
        named += [part(one, "valueFrom", "configMapKeyRef").get("name") for one in items(container, "env")]
    return tuple(sorted({str(name) for name in named if name}))


def read_settings(deployment: Object, config_maps: Mapping[str, Object]) -> Settings:
    """The settings of its containers, from files, variables and arguments; the later win, as in Spring."""
    found: dict[str, str] = {}
    spec = part(deployment, "spec", "template", "spec")
    for volume in items(spec, "volumes"):
        data = part(config_maps.get(str(part(volume, "configMap").get("name")), {}), "data")
        for name, text in data.items():
            found.update(_parse_file(str(name), str(text)))
    for container in items(spec, "containers"):
        found.update(_variables(container, config_maps))
        words = [*_texts(container.get("command")), *_texts(container.get("args"))]
        values = [str(one.get("value", "")) for one in items(container, "env")]
        for text in [*values, *words]:
            found.update((_normalise(key), value) for key, value in _ARGUMENT.findall(text))
    return found


def _variables(container: Object, config_maps: Mapping[str, Object]) -> Iterator[tuple[str, str]]:
    for one in items(container, "envFrom"):
        data = part(config_maps.get(str(part(one, "configMapRef").get("name")), {}), "data")
        yield from ((_normalise(str(one.get("prefix", "")) + str(key)), str(value)) for key, value in data.items())
    for one in items(container, "env"):
        source = part(one, "valueFrom", "configMapKeyRef")
        data = part(config_maps.get(str(source.get("name")), {}), "data")
        yield _normalise(str(one.get("name", ""))), str(data.get(str(source.get("key")), one.get("value", "")))


def _parse_file(name: str, text: str) -> Iterable[tuple[str, str]]:
    if len(text) > _LARGEST:
        return ()
    if name.endswith(".properties"):
        lines = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith(("#", "!")))
        return [(_normalise(key), value.strip()) for key, equals, value in lines if equals]
    if name.endswith((".yml", ".yaml")):
        return _parse_yaml(text)
    return ()


def _parse_yaml(text: str) -> Iterable[tuple[str, str]]:
    import yaml

    from gatewayctl.yamlloader import load_all

    try:
        documents = load_all(text)
    except (yaml.YAMLError, ValueError):
        return ()  # not YAML, for example a template
    return islice((pair for document in documents for pair in _flatten("", document)), _MOST_SETTINGS)


def _flatten(path: str, found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _flatten(path + _normalise(str(key)), value)
    else:
        yield path, reprlib.repr(found) if isinstance(found, list) else str(found)


def _texts(found: Any) -> list[str]:
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _normalise(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
