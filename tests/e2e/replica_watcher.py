"""One gateway replica as the watcher meets it: asked again and again at its own address, judged by every answer."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatewayctl.adapters.kubernetes.client.paths import pods
from tests.e2e.object_rules import ROUTED, app_of_rule, is_serving, restarts
from tests.e2e.observations import Invariant, Suspicion, Timeline
from tests.e2e.observer_client import NoReply, ObjectGone, ObserverClient, Reply, ask

if TYPE_CHECKING:
    from tests.e2e.watcher import Watcher

_HOST = {"host": "shop.example.com"}
_UNDECIDED = 60.0  # seconds in which it must be told whether a replica that failed was on its way out
_OK = 200


class ReplicaWatcher:
    """The replica of one Pod. `answers` counts, `rules` is the line of what it runs, `ending` tells it to stop."""

    def __init__(self, watcher: "Watcher", pod: dict[str, Any]) -> None:
        self.watcher, self.pod, self.name = watcher, pod, pod["metadata"]["name"]
        self.address = pod["status"]["podIP"]
        self.rules, self.answers, self.ending, self.ended = Timeline(), 0, False, False

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop, or until the Pod is on its way out."""
        client = ObserverClient(self.watcher.kubeconfig)
        try:
            while not self.ending and not stop.wait(self.watcher.every):
                for place, app in enumerate(self.watcher.apps):
                    beside = self.watcher.apps[place - 1]
                    self._unmarked(client, app)
                    self._marked(client, app, beside)
                self._look_at_rules()
        finally:
            client.close()
            self.rules.put(frozenset(), time.monotonic(), time.monotonic())  # nothing more is known of it
            self.ended = True

    def _unmarked(self, client: ObserverClient, app: str) -> None:
        asked = self._ask(app, {})
        if not self._fine(client, asked, "unmarked"):
            return
        self.watcher.seen["unmarked answers"] += 1
        if not _is_stable(asked.reply, app):
            self._add_fault(Invariant.UNMARKED, f"an unmarked request for {app} was answered {asked.reply}")

    def _marked(self, client: ObserverClient, app: str, beside: str) -> None:
        """With the mark of the application's last release, also where that mark means nothing."""
        release = self.watcher.journals[app].last
        if not release:
            return
        mark = {release["header"]["name"]: release["header"]["value"]}
        proven = release["id"] in self.watcher.proven
        asked = self._ask(app, mark)
        if asked.reply.status != _OK and not proven:
            self.watcher.seen["failures of a canary that was not proven yet"] += 1
        elif self._fine(client, asked, f"with the mark of {release['id']}"):
            self._judge_marked(release, asked)
        if beside == app:
            return
        asked = self._ask(beside, mark)
        if self._fine(client, asked, f"with the mark of {app}") and not _is_stable(asked.reply, beside):
            said = f"a request for {beside} with the mark of {app} was answered {asked.reply}"
            self._add_fault(Invariant.UNMARKED, said)

    def _ask(self, app: str, mark: dict[str, str]) -> "_Asked":
        begun = time.monotonic()
        reply = ask(f"{self.address}:8000", f"/api/{app}/health", {**_HOST, **mark})
        return _Asked(app, reply, begun, time.monotonic())

    def _judge_marked(self, release: dict[str, Any], asked: "_Asked") -> None:
        app, reply = asked.app, asked.reply
        if reply.by.startswith(f"{app}-canary-") and reply.stamp == release["id"]:
            self.watcher.seen["marked answers of the canary"] += 1
            return
        if not _is_stable(reply, app):
            self._add_fault(Invariant.ROUTED, f"a request marked for {release['id']} of {app} was answered {reply}")
            return
        self.watcher.seen["marked answers of stable"] += 1

        def routed(now: Any) -> bool:
            return bool(now) and now["id"] == release["id"] and now["phase"] in ROUTED

        what = f"{release['id']} of {app} was routed, and a marked request was answered {reply}"
        self._add_suspicion(Invariant.ROUTED, what, asked, self.watcher.journals, routed)

    def _look_at_rules(self) -> None:
        begun = time.monotonic()
        reply = ask(f"{self.address}:9901", "/config_dump?mask=dynamic_route_configs", {})
        if reply.status != _OK:
            return  # the admin port is no traffic; whoever does not answer there is asked again
        configs = [one for part in json.loads(reply.body)["configs"] for one in part.get("dynamic_route_configs", [])]
        hosts = [host for one in configs for host in one["route_config"].get("virtual_hosts", [])]
        found = frozenset(app for host in hosts for route in host.get("routes", []) if (app := app_of_rule(route)))
        self.rules.put(found, begun, time.monotonic())
        self.watcher.seen["rules asked of replicas"] += 1
        self.watcher.seen["rules found in replicas"] += len(found)

    def _fine(self, client: ObserverClient, asked: "_Asked", how: str) -> bool:
        """Whether it answered; if not, that is a fault, unless its Pod goes away or stable's own Pods were replaced."""
        if asked.reply.status == _OK:
            self.answers += 1
            return True
        if self._is_excused(client):
            self.watcher.seen["failures of a replica that was ending"] += 1
            return False
        self.watcher.seen["failures"] += 1
        self._add_suspicion(Invariant.ANSWERED, f"{how}: {asked.reply}", asked, self.watcher.calm, bool)
        return False

    def _is_excused(self, client: ObserverClient) -> bool:
        deadline = time.monotonic() + _UNDECIDED
        while True:
            try:
                now = client.get(pods(self.watcher.cluster.gateway, self.name))
            except ObjectGone:
                return True
            except NoReply:
                assert time.monotonic() < deadline, f"nobody tells whether {self.name} is ending"
                time.sleep(self.watcher.every)
                continue
            return not is_serving(now) or restarts(now) != restarts(self.pod)

    def _add_suspicion(
        self,
        invariant: Invariant,
        what: str,
        asked: "_Asked",
        lines: dict[str, Timeline],
        guilty: Callable[[Any], bool],
    ) -> None:
        line = lines[asked.app]
        said = f"{self.name}, {asked.app}: {what}"
        self.watcher.book.add_suspicion(Suspicion(invariant, said, asked.begun, asked.ended, line, guilty))

    def _add_fault(self, invariant: Invariant, what: str) -> None:
        self.watcher.book.add_fault(invariant, f"{self.name}: {what}")


def answers(address: str, app: str) -> bool:
    """Whether the replica at an address reaches an application."""
    return ask(f"{address}:8000", f"/api/{app}/health", _HOST).status == _OK


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request for an application, and what came of it; monotonic seconds."""

    app: str
    reply: Reply
    begun: float
    ended: float


def _is_stable(reply: Reply, app: str) -> bool:
    """Answered by stable, by the word of both the application and the gateway."""
    return reply.by.startswith(f"{app}-") and not reply.by.startswith(f"{app}-canary-") and not reply.stamp
