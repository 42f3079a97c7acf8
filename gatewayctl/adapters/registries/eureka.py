"""Eureka: the instances of an application, as "Eureka REST operations" in Netflix's wiki has it (without `/v2`)."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from gatewayctl.adapters.registries.server import Login, address_of, get, read_json
from gatewayctl.domain.registration import Registered, of_instances


@dataclass(frozen=True, slots=True)
class EurekaRegistry:
    """ports.Registry on a server at `url`, as its clients have it in `defaultZone` (`http://eureka:8761/eureka`)."""

    url: str
    login: Login

    def look_up(self, name: str) -> Registered:
        """The instances of application `name` that are UP. Raises UsageFault, EnvironmentFailed."""
        answer = get(f"{self.url}/apps/{quote(name.upper(), safe='')}", self.login.basic())
        if answer.status == HTTPStatus.NOT_FOUND:  # its answer for an application that nobody registered
            return of_instances(())
        return read_json(self.url, answer.body, lambda data: _read(data, name))


def _read(data: Any, name: str) -> Registered:
    found = data["application"]["instance"]
    used, unused = [], []
    for one in [found] if isinstance(found, dict) else found:  # a list of one may be written as its only element
        address = address_of(one["ipAddr"], _port(one))
        virtual = str(one.get("vipAddress", name))
        if one["status"] != "UP":
            unused.append(f"{address} is {one['status']}")
        elif name.lower() not in virtual.lower().split(","):  # a load balancer looks for this one
            unused.append(f"{address} has the vipAddress {virtual}")
        else:
            used.append(address)
    return of_instances(tuple(used), tuple(unused))


def _port(instance: Any) -> object:
    """The port for requests: the secure one where the other one is off."""
    port = instance["port"]
    is_off = str(port.get("@enabled", "true")).lower() == "false"
    return (instance["securePort"] if is_off else port)["$"]
