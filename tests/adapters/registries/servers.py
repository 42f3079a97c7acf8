"""Small registries that answer as the documentation of the real ones has it, over HTTP on loopback."""

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from gatewayctl.domain.platform import Replica

USER, PASSWORD, TOKEN = "qa", "s3cret:äö", "a.token"


@dataclass
class Instance:
    """One instance of a service."""

    address: str
    healthy: bool = True


@dataclass
class World:
    """What is registered, by service name; what the server was asked, without queries, and what it answers instead."""

    services: dict[str, list[Instance]] = field(default_factory=dict)
    guarded: bool = False
    instead: tuple[int, bytes] | None = None
    asked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """One request: the path without its query, the query or form, the headers with names in lower case."""

    path: str
    values: dict[str, str]
    headers: dict[str, str]


Answer = tuple[int, object]
Serve = Callable[[World, Asked], Answer]


@contextlib.contextmanager
def serving(world: World, serve: Serve) -> Iterator[str]:
    """The address of a server that answers in JSON, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["content-length"])).decode())

        def _answer(self, values: str) -> None:
            path = urlsplit(self.path).path
            world.asked.append(path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(unquote(path), {name: one[0] for name, one in parse_qs(values).items()}, headers)
            status, body = world.instead or serve(world, asked)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def nacos_3(world: World, asked: Asked) -> Answer:
    """Nacos 3 with the default authentication plugin."""
    if asked.path == "/nacos/v3/auth/user/login":
        return _log_in(asked)
    if asked.path != "/nacos/v3/client/ns/instance/list":
        return 404, {"status": 404, "error": "Not Found"}
    if world.guarded and asked.headers.get("accesstoken") != TOKEN:
        return 403, {"code": 10001, "message": "access denied"}
    return 200, {"code": 0, "message": "success", "data": [_of_nacos(one) for one in _in_nacos(world, asked)]}


def nacos_2(world: World, asked: Asked) -> Answer:
    """Nacos 1 and 2."""
    if asked.path == "/nacos/v1/auth/login":
        return _log_in(asked)
    if asked.path != "/nacos/v1/ns/instance/list":
        return 404, {"status": 404, "error": "Not Found"}
    if world.guarded and asked.headers.get("authorization") != f"Bearer {TOKEN}":
        return 403, {"status": 403, "error": "Forbidden"}
    name = f"{asked.values['groupName']}@@{asked.values['serviceName']}"
    return 200, {"name": name, "hosts": [_of_nacos(one) for one in _in_nacos(world, asked)]}


def _log_in(asked: Asked) -> Answer:
    if (asked.values.get("username"), asked.values.get("password")) != (USER, PASSWORD):
        return 403, {"message": "unknown user!"}
    return 200, {"accessToken": TOKEN, "tokenTtl": 18000}


def _in_nacos(world: World, asked: Asked) -> list[Instance]:
    """A service is in a namespace and a group; another one of the same name elsewhere is not it."""
    place = asked.values.get("namespaceId", "public"), asked.values.get("groupName", "DEFAULT_GROUP")
    return world.services.get(asked.values["serviceName"], []) if place == ("shop", "SHOP_GROUP") else []


def _of_nacos(one: Instance) -> dict[str, object]:
    ip, _, port = one.address.rpartition(":")
    return {"ip": ip, "port": int(port), "weight": 1.0, "healthy": one.healthy, "enabled": True, "metadata": {}}


def eureka(world: World, asked: Asked) -> Answer:
    """A Eureka server. One instance is written as an object where its encoder does so."""
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    if world.guarded and asked.headers.get("authorization") != f"Basic {login}":
        return 401, {}
    found = world.services.get(asked.path.removeprefix("/eureka/apps/").lower())
    if not asked.path.startswith("/eureka/apps/") or not found or "json" not in asked.headers.get("accept", ""):
        return 404, b""
    name = asked.path.rpartition("/")[2]
    instances = [_of_eureka(name, one) for one in found]
    return 200, {"application": {"name": name, "instance": instances if len(instances) > 1 else instances[0]}}


def _of_eureka(name: str, one: Instance) -> dict[str, object]:
    ip, _, port = one.address.rpartition(":")
    return {
        "app": name,
        "ipAddr": ip,
        "status": "UP" if one.healthy else "DOWN",
        "port": {"$": int(port), "@enabled": "true"},
        "securePort": {"$": 443, "@enabled": "false"},
        "vipAddress": name.lower(),
    }


def actuator(world: World, asked: Asked) -> Answer:
    """The health of a gateway: one of the two components of discovery, with the list that its client has."""
    if asked.path != "/actuator/health/reactiveDiscoveryClients":
        return 404, b""
    names = [name for name, instances in world.services.items() if any(one.healthy for one in instances)]
    none = {"status": "UP", "details": {"services": []}}
    clients = {"Simple Reactive Discovery Client": none, "Nacos": {"status": "UP", "details": {"services": names}}}
    return 200, {"status": "UP", "components": clients}


def a_replica(address: str) -> Replica:
    """A gateway replica whose admin port is at `address`."""
    return Replica("gw-0", "127.0.0.1:1", address)
