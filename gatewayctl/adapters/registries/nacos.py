"""Nacos: the instances of a service, by its HTTP API.

Documented as "Client API" in the manual of Nacos 3 (`/v3/client/ns/instance/list`), and as "Open API Guide" in that of
Nacos 1 and 2 (`/v1/ns/instance/list`). The newer one is asked first; a server that does not know it answers 404.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from gatewayctl.adapters.registries.server import Headers, Login, address_of, get, post, read_json
from gatewayctl.domain.errors import EnvironmentFailed, UsageFault
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.registration import Registered, of_instances

_NO_SERVICE = 21008  # `code` of an answer: service not exist ("API error code summary" in the manual)


@dataclass(frozen=True, slots=True)
class NacosRegistry:
    """ports.Registry on a server at `url`, which ends with its context path (`http://nacos:8848/nacos`).

    `namespace` is a namespace's id; empty for `public`.
    """

    url: str
    login: Login
    namespace: str = ""
    group: str = "DEFAULT_GROUP"

    def look_up(self, name: str) -> Registered:
        """The enabled instances of service `name` that are healthy. Raises UsageFault, EnvironmentFailed."""
        names = {"serviceName": name, "groupName": self.group}
        query = urlencode(names | ({"namespaceId": self.namespace} if self.namespace else {}))
        headers = self._log_in()
        for path, read in (("/v3/client/ns/instance/list", _read_new), ("/v1/ns/instance/list", _read_old)):
            answer = get(f"{self.url}{path}?{query}", headers)
            if answer.status == HTTPStatus.NOT_FOUND and _is_no_service(answer.body):
                return of_instances(())
            if answer.status != HTTPStatus.NOT_FOUND:
                return read_json(self.url, answer.body, read)
        raise EnvironmentFailed(
            f"there is no Nacos at {self.url}", hint="gateway.registry.url ends with Nacos' context path, mostly /nacos"
        )

    def _log_in(self) -> Headers:
        """Headers with a token of the default authentication plugin, as both kinds of API read it."""
        given = self.login.read()
        if given is None:
            return ()
        form = urlencode(dict(zip(("username", "password"), given, strict=True)))
        for path in ("/v3/auth/user/login", "/v1/auth/login"):
            answer = post(f"{self.url}{path}", form)
            if answer.status != HTTPStatus.NOT_FOUND:
                token = read_json(self.url, answer.body, _read_token)
                return ("accesstoken", token), ("authorization", f"Bearer {token}")
        raise UsageFault(f"{self.url} has no login", hint="leave user_variable and password_variable out")


def _is_no_service(body: str) -> bool:
    """Whether a 404 means that the service is not there, and not the API."""
    try:
        data = parse_json(body)
    except ValueError:
        return False
    return isinstance(data, dict) and data.get("code") == _NO_SERVICE


def _read_token(data: Any) -> str:
    token = data["accessToken"]
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise TypeError
    return token


def _read_new(data: Any) -> Registered:
    if data["code"] not in {0, _NO_SERVICE}:
        raise ValueError
    return _read_instances(data["data"] if data["code"] == 0 and data["data"] is not None else [])


def _read_old(data: Any) -> Registered:
    return _read_instances(data["hosts"])


def _read_instances(instances: Any) -> Registered:
    used, unused = [], []
    for one in instances:
        address = address_of(one["ip"], one["port"])
        if one["healthy"] and one.get("enabled", True) and one.get("weight", 1) > 0:
            used.append(address)
        else:
            why = "not healthy" if not one["healthy"] else "weight 0" if one.get("enabled", True) else "disabled"
            unused.append(f"{address} ({why})")
    return of_instances(tuple(used), tuple(unused))
