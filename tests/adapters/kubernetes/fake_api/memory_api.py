"""An Api whose requests go to the fake API server without HTTP, and whose watches tell the events of a test."""

import copy
from collections.abc import Generator
from threading import Event

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, NotFound, Object, VersionConflict
from tests.adapters.kubernetes.fake_api.http import Reply, Request
from tests.adapters.kubernetes.fake_api.server import FAILED_TEST, FakeApiServer
from tests.adapters.kubernetes.objects import a_replica_set

SHOP = "/namespaces/shop/"


def add_generation(changed: Object, before: Object) -> Object:
    """The Deployment as the API server stores it: each write of a spec is a new generation."""
    changed["metadata"]["generation"] = before["metadata"]["generation"] + 1
    return changed


class MemoryApi(Api):
    """One namespace, shop, whichever API group is asked; lists hold everything, whatever their selector says.

    `asked` names each request by what stands after the namespace in its path. A watch of Pods tells `events`, and
    then nothing; all watches are refused with `refused`. `logs` has the logs by Pod.
    """

    def __init__(self, *deployments: Object) -> None:
        self.origin, self.requests = "memory", 0
        self.server = FakeApiServer(on_store=add_generation, count=20)
        self.put("deployments", *deployments)
        self.put("replicasets", *(a_replica_set(one) for one in deployments))
        self.logs: dict[str, str] = {}
        self.asked: list[str] = []
        self.events: list[Object] = []
        self.refused: ApiFault | None = None
        self.silence = Event()

    def put(self, kind: str, *objects: Object) -> None:
        """Store objects as they are."""
        self.server.objects |= {f"{SHOP}{kind}/{one['metadata']['name']}": one for one in objects}

    def clear(self, kind: str) -> None:
        """Remove all objects of a kind."""
        held = self.server.objects
        self.server.objects = {path: one for path, one in held.items() if not path.startswith(f"{SHOP}{kind}/")}

    @property
    def deployments(self) -> dict[str, Object]:
        """The stored Deployments by name; a change in one of them is a change in the server."""
        held = self.server.objects.items()
        return {one["metadata"]["name"]: one for path, one in held if path.startswith(f"{SHOP}deployments/")}

    def get(self, path: str, **query: str) -> Object:
        self.asked.append(_after_namespace(path))
        return self._request("GET", path)

    def text(self, path: str, **query: str) -> str:
        self.asked.append(_after_namespace(path))
        return self.logs[f"{path.split('/')[-2]} {query.get('previous', '')}".strip()]

    def watch(self, path: str, since: str, seconds: int, **query: str) -> Generator[Object]:
        self.asked.append(f"watch {_after_namespace(path)}")
        if self.refused:
            raise self.refused
        return self._events(self.asked[-1], seconds)

    def patch(self, path: str, operations: list[Object], **query: str) -> Object:
        self.asked.append(f"patch {_after_namespace(path)}")
        return self._request("PATCH", path, operations)

    def _events(self, which: str, seconds: int) -> Generator[Object]:
        """The events of Pods, and then silence, as a real watch has it."""
        while which == "watch pods" and self.events:
            event = self.events.pop(0)
            self.server.count += 1
            event["object"]["metadata"]["resourceVersion"] = str(self.server.count)
            yield event
        self.silence.wait(seconds)

    def _request(self, verb: str, path: str, body: object = None) -> Object:
        """The body of the answer, copied as it is over HTTP. Raises NotFound, VersionConflict."""
        reply = self.server.answer(Request(verb, SHOP + _after_namespace(path), {}, {}, body))
        return copy.deepcopy(_body_of(path, reply))


def _after_namespace(path: str) -> str:
    return path.rpartition(SHOP)[2]


def _body_of(path: str, reply: Reply) -> Object:
    assert isinstance(reply.body, dict)
    if reply.status == 404:
        raise NotFound(404, f"{path} not found")
    if reply.status == 422:
        raise VersionConflict(422, FAILED_TEST)
    assert reply.status == 200, reply
    return reply.body
