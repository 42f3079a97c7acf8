"""An independent watcher: looks at the cluster and asks every gateway replica throughout a test, and judges by itself.

with watching(cluster) as watcher:
    ...
    watcher.assert_held()

One thread reads the books (route files, Deployments, endpoints, journals, gateway Pods); one per replica asks it, at
its own address, unmarked and marked requests and what rules it runs. A replica that fails is excused only when its Pod
turns out to be ending, or not ready.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewayctl.adapters.kubernetes.client.paths import config_maps, deployments, pods
from tests.e2e.journals import journals_of, judge_journal
from tests.e2e.object_rules import (
    ROUTED,
    UNTOUCHED,
    apps_with_rule,
    find_foreign_change,
    image_of,
    is_serving,
    is_settled,
    ready_endpoints,
    unchanging_part,
)
from tests.e2e.observations import FaultLog, Invariant, Suspicion, Timeline
from tests.e2e.observer_client import NoReply, ObserverClient
from tests.e2e.replica_watcher import ReplicaWatcher, answers
from tests.e2e.shop_cluster import ShopCluster

_SLICES = "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices"
_FIRST = 30.0  # seconds for the first look at everything
_MOST_REPLICAS = 16  # replicas that may be asked at the same time, new ones while old ones end
_LAST = 15.0  # seconds for what is still suspected at the end
_SETTLES = 20.0  # seconds after a rollout in which nodes may still send to Pods that have ended
_LEAST = 3  # looks and answers below which nothing was watched


@dataclass
class Watcher:
    """What was seen of one cluster. `every` is the pause between two looks, in seconds."""

    cluster: ShopCluster
    apps: tuple[str, ...] = ("orders", "payments")
    every: float = 0.15
    seen: Counter[str] = field(default_factory=Counter)
    book: FaultLog = field(default_factory=FaultLog)
    files: Timeline = field(default_factory=Timeline)
    journals: dict[str, Timeline] = field(default_factory=dict)
    calm: dict[str, Timeline] = field(default_factory=dict)
    replicas: dict[str, ReplicaWatcher] = field(default_factory=dict)
    proven: set[str] = field(default_factory=set)
    allowed: list[str] = field(default_factory=list)
    _before: dict[str, Any] = field(default_factory=dict)
    _rolled: dict[str, tuple[int, float]] = field(default_factory=dict)
    _excused: set[Invariant] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)
    _running: list["Future[None]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kubeconfig = Path(os.environ["KUBECONFIG"])
        self.journals = {app: Timeline() for app in self.apps}
        self.calm = {app: Timeline() for app in self.apps}
        self._pool = ThreadPoolExecutor(_MOST_REPLICAS, thread_name_prefix="watcher")
        self._client = ObserverClient(self.kubeconfig)

    def start(self) -> None:
        """Wait until every replica answers and everything was read once; then go on in the background."""
        deadline = time.monotonic() + _FIRST
        while not (self._is_well() and self._look()):
            assert time.monotonic() < deadline, f"after {_FIRST} s not every replica answered for every application"
            time.sleep(self.every)
        self._running.append(self._pool.submit(self._go_on))

    def stop(self) -> None:
        """End all looking; what the threads met is raised here. Harmless when it has ended."""
        if not self._stop.is_set():
            self._settle()
            self._stop.set()
        for one in self._running:
            one.result()
        self._pool.shutdown()
        self._client.close()

    def allow(self, text: str) -> None:
        """From now on route files may also be this text plus our rules: a person is about to write it."""
        self.allowed.append(text)

    def excuse(self, *invariants: Invariant) -> None:
        """The test itself breaks these on purpose."""
        self._excused |= set(invariants)

    @property
    def faults(self) -> list[tuple[Invariant, str]]:
        """What was broken, without what is excused."""
        return [(what, said) for what, said in self.book.faults if what not in self._excused]

    def assert_held(self) -> None:
        """Nothing was broken, and enough was seen to say so."""
        self.stop()
        told = "\n".join(f"{what}: {said}" for what, said in self.faults[:20])
        assert not self.faults, f"{len(self.faults)} faults seen from outside:\n{told}\n{self.report}"
        for what in ("looks", "unmarked answers", "rules asked of replicas"):
            assert self.seen[what] >= _LEAST, f"the watcher saw too little to say anything: {self.report}"
        assert not self._silent, f"the watcher had no answer of {self._silent}: {self.report}"

    @property
    def report(self) -> str:
        """What was seen how often."""
        counts = ", ".join(f"{what} {count}" for what, count in sorted(self.seen.items()))
        return f"watched {len(self.replicas)} replicas: {counts}; {self.book.judged} suspicions judged"

    def _is_well(self) -> bool:
        """Whether every replica reaches every stable: nodes hear of new Pods a moment after these are ready."""
        try:
            found = [one for one in self._client.get(self._gateways)["items"] if is_serving(one)]
        except NoReply:
            return False
        return bool(found) and all(answers(one["status"]["podIP"], app) for one in found for app in self.apps)

    @property
    def _gateways(self) -> str:
        return f"{pods(self.cluster.gateway)}?labelSelector=app%3Dgateway"

    def _settle(self) -> None:
        """Let the looks go on until what is suspected is decided, and who has just come has answered."""
        deadline = time.monotonic() + _LAST
        while (self.book.open or self._silent) and time.monotonic() < deadline and not self._running[0].done():
            time.sleep(self.every)

    @property
    def _silent(self) -> list[str]:
        """Replicas that serve, and of which no answer came yet."""
        return [name for name, face in tuple(self.replicas.items()) if not face.answers and not face.ending]

    def _go_on(self) -> None:
        while not self._stop.wait(self.every):
            self._look()

    def _look(self) -> bool:
        """One round through the books; whether all could be read."""
        try:
            self._look_at_files()
            self._look_at_canaries()
            self._look_at_deployments()
            self._look_at_journals()
            self._look_at_replicas()
        except NoReply:
            self.seen["looks without an answer"] += 1
            return False
        finally:
            self.book.judge()
        self.seen["looks"] += 1
        return True

    def _look_at_files(self) -> None:
        begun = time.monotonic()
        found = self._client.get(config_maps(self.cluster.gateway, "gateway-routes"))
        ended, text = time.monotonic(), found["data"]["rds.yaml"]
        kept = {**unchanging_part(found, free=frozenset({"data"})), "keys": sorted(found["data"])}
        before = self._before.setdefault("files", {"version": "", "kept": kept})
        if not self.allowed:
            self.allowed.append(text)
        if before["version"] == found["metadata"]["resourceVersion"]:
            self.files.put(self.files.last, begun, ended)
            return
        before["version"] = found["metadata"]["resourceVersion"]
        self.seen["versions of the route files"] += 1
        odd = find_foreign_change(text, list(self.allowed))
        if odd:
            self.book.add_fault(Invariant.BYTES, odd)
        if kept != before["kept"]:
            self.book.add_fault(Invariant.BYTES, f"the ConfigMap became {kept}, it was {before['kept']}")
        rules = apps_with_rule(text)
        self.seen["versions with a rule"] += bool(rules)
        self.files.put(rules, begun, ended)

    def _look_at_canaries(self) -> None:
        """A canary without ready endpoints is a fault if the files, or any replica, had its rule before and after."""
        begun = time.monotonic()
        slices = self._client.get(_SLICES.format(self.cluster.shop))["items"]
        ended = time.monotonic()
        for app in self.apps:
            if ready_endpoints(slices, f"{app}-canary"):
                self.seen["looks at a ready canary"] += 1
                continue
            lines = {"the files": self.files, **{name: face.rules for name, face in tuple(self.replicas.items())}}
            for where, line in lines.items():
                what = f"{app}-canary had no ready endpoint while its rule was in {where}"
                self.book.add_suspicion(
                    Suspicion(Invariant.READY, what, begun, ended, line, lambda rules, app=app: app in (rules or ()))
                )

    def _look_at_deployments(self) -> None:
        begun = time.monotonic()
        found = self._client.get(deployments(self.cluster.shop))["items"]
        ended = time.monotonic()
        free = {f"{app}-canary": frozenset({"image", "replicas"}) for app in self.apps}
        free |= {app: frozenset({"image"}) for app in self.apps}
        for one in found:
            name = one["metadata"]["name"]
            kept = unchanging_part(one, free=free.get(name, frozenset()))
            if self._before.setdefault(name, kept) != kept:
                self.book.add_fault(Invariant.STABLE, f"{name} became {kept}, it was {self._before[name]}")
            if name in self.apps:
                self._judge_image(name, image_of(one), begun, ended)
                self._note_rollout(name, one, begun, ended)

    def _note_rollout(self, app: str, found: Any, begun: float, ended: float) -> None:
        """A rolling update of Pods without a preStop hook drops requests, whoever asks for it; doctor says so."""
        generation = found["metadata"]["generation"]
        before, since = self._rolled.get(app, (generation, -_SETTLES))
        rolls = not is_settled(found) or generation != before
        self._rolled[app] = (generation, ended if rolls else since)
        self.calm[app].put(ended - self._rolled[app][1] >= _SETTLES, begun, ended)

    def _judge_image(self, app: str, image: str, begun: float, ended: float) -> None:
        """A new image before the journal says promote: the journal is written before the effect."""
        self.seen[f"looks at {image}"] += 1

        def early(release: Any) -> bool:
            return bool(release) and release["phase"] in UNTOUCHED and image == release["image"] != release["before"]

        what = f"{app} ran {image} before its release came to promote"
        self.book.add_suspicion(Suspicion(Invariant.STABLE, what, begun, ended, self.journals[app], early))

    def _look_at_journals(self) -> None:
        begun = time.monotonic()
        found = journals_of(self._client.get(config_maps(self.cluster.shop))["items"])
        ended = time.monotonic()
        for app, line in self.journals.items():
            odd = judge_journal(line.last, found.get(app))
            if odd:
                self.book.add_fault(Invariant.JOURNAL, f"{app}: {odd}")
            if found.get(app):
                self.proven |= {found[app]["id"]} if found[app]["phase"] in ROUTED else set()
                self.seen[f"looks at phase {found[app]['phase']}"] += 1
            line.put(found.get(app), begun, ended)

    def _look_at_replicas(self) -> None:
        """Who serves now is asked by a thread of its own, until it does not serve any more."""
        found = self._client.get(self._gateways)["items"]
        serving = {one["metadata"]["name"]: one for one in found if is_serving(one)}
        for name, pod in serving.items():
            if self._stop.is_set():
                return  # whoever ends now ends because of that, and is no replica that came back
            if name not in self.replicas or self.replicas[name].ended:
                self.replicas[name] = ReplicaWatcher(self, pod)
                self._running.append(self._pool.submit(self.replicas[name].run, self._stop))
        for name, face in self.replicas.items():
            if name not in serving:
                face.ending = True


@contextmanager
def watching(
    cluster: ShopCluster, apps: tuple[str, ...] = ("orders", "payments"), every: float = 0.15
) -> Iterator[Watcher]:
    """Everything in the block is watched; what a thread of the watcher met is raised at the end."""
    watcher = Watcher(cluster, apps, every)
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.stop()
