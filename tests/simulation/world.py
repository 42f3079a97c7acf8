"""The simulated cluster: Deployments, route files, and gateway replicas that take the files as real kubelets do.

A replica takes, some time after a write, a version that was current a moment ago: never an older one than it has, maybe
skipping some. Only one that starts (or comes back) may have older files than its neighbours.
"""

from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Probe
from gatewayctl.domain.routing import Files, SourceFile
from tests.fakes.world import Deployment, Pod, World
from tests.simulation.conditions import LIST_LAG, Conditions
from tests.simulation.dialect import UPSTREAMS
from tests.simulation.draws import Draws
from tests.simulation.faults import FaultPlan, WorldEvent
from tests.simulation.listings import Gate, Listings
from tests.simulation.loop import Loop
from tests.simulation.troubles import Trouble
from tests.simulation.views import View, view_of

APPS = ("orders", "payments", "carts")
ROUTES = (
    "# the team's routes\n/api/orders -> orders\n/api/orders-admin -> orders\n"
    "/api/payments -> payments\n/api/carts -> carts\n"
)
ADMIN_ROUTE = "/api/orders-admin -> orders\n"  # an object of its own where the routes are several
WATCH_LAG = 0.8  # seconds after which a kubelet has heard of a write at the latest; it may act on it much later
_MOMENT_AGO = 20.0  # seconds by which the files of a starting replica may be behind
_IN_FLIGHT = 7.0  # seconds a request may take at most; a release gives them 5


class SimWorld(World):
    """tests.fakes.world.World, driven by moments instead of ticks. `dirty` says that something changed."""

    def __init__(self, draws: Draws, plan: FaultPlan, *, split: bool, counts_in_flight: bool) -> None:
        routes = SourceFile("routes.txt", ROUTES)
        files: Files = (SourceFile(UPSTREAMS, ""), routes) if split else (routes,)
        self.has_objects = Trouble.OBJECTS in plan.troubles and not split
        if self.has_objects:
            files = (SourceFile("admin.txt", ADMIN_ROUTE), SourceFile(routes.name, ROUTES.replace(ADMIN_ROUTE, "")))
        deployments = {}
        for app in APPS:
            image = f"shop/{app}:1.0"
            deployments[app] = Deployment(image, 2, pods=[Pod(f"{app}-{n}", image, -1000.0) for n in "12"])
            deployments[f"{app}-canary"] = Deployment(image, 0)
        super().__init__(
            ready_delay=plan.ready_delay, stop_delay=1.0, deployments=deployments, published=[(-1000.0, files)]
        )
        self.draws, self.plan, self.counts_in_flight = draws, plan, counts_in_flight
        self.available_delay = 3.0 if Trouble.LATE_AVAILABLE in plan.troubles else 0.0
        self.loop = Loop(self)
        self.dirty = False
        self._lost: dict[str, float] = {}  # when each replica was last taken away
        self.ghosts: set[str] = set()  # names of Pods that are Terminating for ever
        if Trouble.GHOST in plan.troubles:
            self.ghosts.add("orders-ghost")
            self.deployments["orders"].pods.append(Pod("orders-ghost", "shop/orders:0.9", -1000.0, ending=-900.0))
        self.no_node_until: dict[str, float] = {}
        self.conditions = Conditions(self)
        self.is_stampless = Trouble.STAMPLESS in plan.troubles and not split
        self.is_mute = Trouble.MUTE in plan.troubles
        self.views: list[View] = [view_of(files)]
        self.gates = {
            f"gw-{n}": Gate(f"gw-{n}", 0, plan.lag) for n in range(draws.choice("gateway / replicas", (1, 2, 2, 3)))
        }
        self._next_gate = len(self.gates)
        self.list_lag = LIST_LAG if Trouble.OLD_LISTS in plan.troubles else 0.0
        self.listings = Listings()
        self.listings.note(self.time, self.gates.values())

    # -- what World asks its subclasses ---------------------------------------------------------------------------

    def burn(self, what: str) -> None:
        """Processes die in their calls here, not in the world."""

    def look(self) -> None:
        """Something was written: what follows from it is put on the calendar."""
        self.dirty = True
        while len(self.views) < len(self.published):
            self.views.append(view_of(self.published[len(self.views)][1]))
            for gate in self.gates.values():
                self._sync_soon(gate)

    def reconcile(self, name: str) -> None:
        """As the Deployment controller does, and again whenever a pod gets ready or is gone."""
        asked = self.deployments[name]
        before = [(pod.name, pod.ending) for pod in asked.pods]
        ghosts = [pod for pod in asked.pods if pod.name in self.ghosts]
        super().reconcile(name)
        asked.pods += [pod for pod in ghosts if pod not in asked.pods]
        self.dirty = True
        self._greet(asked.pods)
        later = [pod.born + self.ready_delay for pod in asked.pods if pod.ending is None]
        later += [pod.born + self.ready_delay + self.available_delay for pod in asked.pods]
        later += [pod.ending + self.stop_delay for pod in asked.pods if pod.ending is not None]
        if before != [(pod.name, pod.ending) for pod in asked.pods]:
            later.append(self.time + 0.1)
        moment = min((moment for moment in later if moment > self.time), default=None)
        if moment is not None:
            self.loop.at(moment, lambda: self.reconcile(name))

    def _greet(self, pods: list[Pod]) -> None:
        """A new pod may find no node for a while."""
        if Trouble.UNSCHEDULABLE not in self.plan.troubles:
            return
        for pod in pods:
            if pod.name not in self.no_node_until and pod.born == self.time:
                wait = self.draws.choice(f"{pod.name} / finds a node after", (0.0, 0.5, 3.0, 8.0))
                self.no_node_until[pod.name], pod.born = self.time + wait, self.time + wait

    def is_ready(self, pod: Pod) -> bool:
        """As in World; an image may also be one that never gets ready as stable."""
        return super().is_ready(pod) and not (pod.image.endswith("-stuck") and "-canary-" not in pod.name)

    def is_available(self, pod: Pod) -> bool:
        """Whether a pod counts for a rollout."""
        return self.is_ready(pod) and self.time >= pod.born + self.ready_delay + self.available_delay

    # -- the gateway ----------------------------------------------------------------------------------------------

    def _sync_soon(self, gate: Gate) -> None:
        delay = gate.lag * (0.2 + self.draws.number(f"{gate.name} / next look at the files"))
        self.loop.after(delay, lambda: self._sync(gate))

    def _sync(self, gate: Gate) -> None:
        """The replica takes what its kubelet has heard of: never an older version than what it has."""
        if not gate.up or gate.name not in self.gates:
            return
        behind = self.time - WATCH_LAG * self.draws.number(f"{gate.name} / watch lag")
        known = next(n for n in range(len(self.published) - 1, -1, -1) if self.published[n][0] <= behind)
        if known > gate.configured:
            gate.configured = known
            self._serve_soon(gate, known, gate.serving_since)
        if gate.configured < len(self.published) - 1:
            self._sync_soon(gate)

    def _serve_soon(self, gate: Gate, version: int, since: float) -> None:
        """Answer by these files: at once, or when the last worker that runs the old ones is gone."""

        def serve() -> None:
            if gate.serving_since == since and version > gate.applied:
                self._apply(gate, version)

        if Trouble.SLOW_WORKERS not in self.plan.troubles:
            self._apply(gate, version)
        else:
            self.loop.after(self.draws.seconds(f"{gate.name} / its workers", (0.3, 3.0)), serve)

    def _apply(self, gate: Gate, version: int) -> None:
        for app in self.views[gate.applied].rules:
            if app not in self.views[version].rules:
                canary = f"{app}-canary"
                gate.rule_gone_at[canary], gate.rule_version[canary] = self.time, gate.applied
                gate.last_answer_at[canary] = self.time + self.draws.seconds(
                    f"{gate.name} / last answer of {canary}", (0.0, 1.0, _IN_FLIGHT)
                )
        gate.applied = version
        self.dirty = True

    def files_run_by(self, gate: Gate) -> View:
        """What the replica answers by."""
        return self.views[gate.applied]

    def files_shown_by(self, gate: Gate) -> View:
        """What the replica says that it runs."""
        return self.views[gate.configured]

    def versions_still_to_come(self, gate: Gate) -> list[int]:
        """The files that a replica may still run before it has the newest: its kubelet may not have heard of those."""
        heard = self.time - WATCH_LAG
        shown = [gate.configured] if gate.configured > gate.applied else []
        return shown + [
            version
            for version in range(max(gate.configured, gate.newest_at_start) + 1, len(self.published) - 1)
            if self.published[version + 1][0] > heard
        ]

    def answer_of(self, name: str, probe: Probe) -> Answer:
        """How the replica of that name answers."""
        gate = self.gates.get(name)
        if gate is None or not gate.up:
            return Answer(0, {}, error="connection refused")
        self.asked, gate.asked = gate.asked, gate.asked + 1
        return self.reply(self.files_run_by(gate).routes_of(probe), probe)

    def in_flight(self, gate: Gate, canary: str) -> int:
        """Requests to `canary` that have not ended."""
        routed = canary.removesuffix("-canary") in self.files_run_by(gate).rules
        return int(routed or self.time < gate.last_answer_at.get(canary, 0.0))

    # -- what happens of itself -----------------------------------------------------------------------------------

    def apply_event(self, what: WorldEvent, app: str) -> None:
        """Let one thing happen; what needs a replica or a pod picks it by the seed."""
        if what in (WorldEvent.CANARY_DIES, WorldEvent.STABLE_DIES):
            self._kill_pod(f"{app}-canary" if what is WorldEvent.CANARY_DIES else app)
            return
        if what in (WorldEvent.GATE_NEW, WorldEvent.GATE_NEW_STALE):
            gate = Gate(f"gw-{self._next_gate}", 0, self.plan.lag, up=False)
            self._next_gate += 1
            self.gates[gate.name] = gate
            self._start_serving(
                gate, self._recent_version(gate) if what is WorldEvent.GATE_NEW_STALE else len(self.published) - 1
            )
            return
        names = list(self.gates)
        gate = self.gates[names[int(self.draws.number(f"{what} / which replica") * len(names))]]
        if what is WorldEvent.GATE_SLOW:
            gate.lag = self.draws.choice(f"{gate.name} / slow lag", (5.0, 15.0, 40.0))
        elif what is WorldEvent.GATE_GONE:
            if len(self.gates) > 1:
                del self.gates[gate.name]
                self._lost[gate.name] = self.time
                self.listings.note(self.time, self.gates.values())
        else:
            self._stop_serving(gate, what)
        self.dirty = True

    def _kill_pod(self, name: str) -> None:
        ready = [pod for pod in self.deployments[name].pods if self.is_ready(pod)]
        if ready:
            ready[0].ending = self.time
            self.reconcile(name)

    def _stop_serving(self, gate: Gate, what: WorldEvent) -> None:
        """Out of service; for so short a time, sometimes, that nobody sees it (a missed event)."""
        gate.up, gate.down_since = False, self.time
        self._lost[gate.name] = self.time
        self.listings.note(self.time, self.gates.values())

        def back() -> None:
            if gate.up or gate.name not in self.gates:
                return
            if what is WorldEvent.GATE_FREEZES:
                started = gate.started
                self._start_serving(gate, gate.applied)
                gate.started = started
                self.listings.note(self.time, self.gates.values())
            else:
                stale = what is WorldEvent.GATE_RESTARTS_STALE
                self._start_serving(gate, self._recent_version(gate) if stale else len(self.published) - 1)

        self.loop.after(self.draws.seconds(f"{gate.name} / away", (0.01, 0.01, 1.0, 8.0, 30.0)), back)

    def _start_serving(self, gate: Gate, applied: int) -> None:
        gate.up, gate.serving_since, gate.applied, gate.newest_at_start = (
            True,
            self.time,
            applied,
            len(self.published) - 1,
        )
        gate.configured, gate.started = applied, self.time
        gate.started_old = applied < gate.newest_at_start
        gate.rule_gone_at.clear()
        gate.last_answer_at.clear()
        gate.rule_version.clear()
        self.dirty = True
        self.listings.note(self.time, self.gates.values())
        self._sync_soon(gate)

    def find_lost(self, since: float, until: float) -> str:
        """A replica that was taken away between these moments and is not back, or restarted; empty when none was."""
        lost = (name for name, when in self._lost.items() if since < when < until)
        return next((name for name in lost if self._is_another(name, since)), "")

    def _is_another(self, name: str, since: float) -> bool:
        gate = self.gates.get(name)
        return gate is None or not gate.up or gate.started > since

    def _recent_version(self, gate: Gate) -> int:
        moment = self.time - _MOMENT_AGO * self.draws.number(f"{gate.name} / age of its files")
        return next(n for n in range(len(self.published) - 1, -1, -1) if self.published[n][0] <= moment)

    def end_faults(self) -> None:
        """Every replica serves again and is in no hurry to disappear."""
        for gate in self.gates.values():
            gate.lag = self.plan.lag
            if not gate.up:
                self._start_serving(gate, gate.applied)
