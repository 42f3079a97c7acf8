"""How long a rule takes from the write until the last replica of a gateway answers by it, on and off.

Ours counts from before the write, kubectl's from when it has said that it has written. A plain edit waits for the
kubelet's next look at the Pod, up to a minute and a half; so several gateways wait at the same time. Every edit, ours
too, comes at a random moment, as a person's would: right after the last look would be the worst, and always the same.
"""

import http.client
import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from bench.figures import Figure, Target, figure
from bench.measuring import Broken, progress
from bench.size import Size
from bench.street import HOST, KEY, REPLICAS, Street, kubectl, street
from gatewayctl.adapters.kubernetes.client.paths import deployments
from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
from gatewayctl.domain.platform import Probe
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule, Header, SourceFile
from gatewayctl.gateways.registry import gateway

_WITHIN = 180.0  # seconds for the last replica
_OURS, _PLAIN = 0.01, 0.05  # seconds between two requests to a replica
_REST = 60.0  # seconds; a plain edit comes at a random moment within them
_ROUND = 2.0  # seconds; ours comes so, as a kubelet that has just synced a Pod looks at its containers once a second
_TARGET = Target(p95=2.0, ratio=1 / 30)


@dataclass(slots=True)
class Seen:
    """Seconds from the write until the last replica answered by it."""

    on: list[float] = field(default_factory=list)
    off: list[float] = field(default_factory=list)


def live(size: Size) -> Iterator[Figure]:
    """Our edits one after the other on one gateway, then plain ones on all of them."""
    with street(1, size.gateways) as built:
        app = built.apps[0]
        kubectl("-n", built.shop, "scale", "deployment", f"{app}-canary", "--replicas=1")
        path = deployments(built.shop, f"{app}-canary")
        built.wait(lambda: built.api.get(path).get("status", {}).get("readyReplicas") == 1, "the canary")
        ours = _ours(built, size.edits)
        progress(f"{size.plain} plain edits on {size.gateways} gateways at once, a minute and a half each")
        plain = _plain(built, size.plain)
    label = "kubectl replace"
    for name, mine, theirs in (("on", ours.on, plain.on), ("off", ours.off, plain.off)):
        row = figure(f"rule live on {REPLICAS} replicas, {name}", "s", mine, (label, theirs))
        yield replace(row, target=_TARGET)


def _ours(built: Street, edits: int) -> Seen:
    """By the store and the dialect that a release uses."""
    store, dialect = KubernetesRouteStore(built.api, built.place()), gateway("envoy").dialect
    before, seen, chance = built.routes(), Seen(), random.Random(0)  # noqa: S311 (only spreads the moments)
    for number in range(edits):
        progress(f"our edit {number + 1} of {edits}")
        rule, read = a_rule(built.apps[0]), store.read()
        routed = dialect.insert(read.files, rule).apply(read.files)
        with watched(built.addresses(), marked(rule), _OURS) as watch:
            time.sleep(chance.uniform(0, _ROUND))
            seen.on.append(watch.after(partial(store.write, routed, read), rule.stamp))
            now = store.read()
            restored = dialect.remove(now.files, rule.app).apply(now.files)
            time.sleep(chance.uniform(0, _ROUND))
            seen.off.append(watch.after(partial(store.write, restored, now), ""))
    if built.routes() != before:
        raise Broken("the routes are not byte for byte as before")
    return seen


def _plain(built: Street, edits: int) -> Seen:
    """By `kubectl replace`, on every gateway at the same time."""
    seen, each = Seen(), max(1, edits // (2 * built.gateways))

    def one_gateway(number: int) -> None:
        chance = random.Random(number)  # noqa: S311 (only spreads the moments)
        for _ in range(each):
            rule, before = a_rule(built.apps[0]), built.routes(number)
            files = (SourceFile(KEY, before),)
            routed = gateway("envoy").dialect.insert(files, rule).apply(files)[0].text
            with watched(built.addresses(number), marked(rule), _PLAIN) as watch:
                for text, stamp, found in ((routed, rule.stamp, seen.on), (before, "", seen.off)):
                    time.sleep(chance.uniform(0, _REST))
                    found.append(watch.since(_replaced(built, number, text), stamp))
                    progress(f"a plain edit took {found[-1]:.1f} s")

    with ThreadPoolExecutor(built.gateways) as pool:
        list(pool.map(one_gateway, range(built.gateways)))
    return seen


def _replaced(built: Street, number: int, text: str) -> float:
    """Replace a gateway's ConfigMap; the moment when kubectl had said so."""
    place = built.place(number)
    found = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": place.config_map, "namespace": place.namespace},
        "data": {KEY: text},
    }
    kubectl("replace", "-f", "-", given=json.dumps(found))
    return time.perf_counter()


def a_rule(app: str) -> CanaryRule:
    """A rule that no edit before it had, so that an answer tells which edit it comes from."""
    mark = f"r-{secrets.token_hex(4)}"
    return CanaryRule(app, app, f"{app}-canary", Header("x-canary", mark), mark)


def marked(rule: CanaryRule) -> Probe:
    """A request that the rule takes."""
    return Probe(HOST, f"/api/{rule.app}/health", ((rule.header.name, rule.header.value),))


@dataclass(slots=True)
class Watch:
    """Asks every replica again and again, and notes when its answers last changed their stamp."""

    stop: threading.Event
    changed: dict[str, tuple[str, float]]

    def after(self, write: Callable[[], object], stamp: str, urge: Callable[[], object] = lambda: None) -> float:
        """Write; seconds from before that until the last replica answered with `stamp` (empty: with none).

        `urge` is called again and again until then.
        """
        start = time.perf_counter()
        write()
        return self.since(start, stamp, urge)

    def since(self, start: float, stamp: str, urge: Callable[[], object] = lambda: None) -> float:
        """The same for a write that was done at `start`. Raises Broken."""
        while not all(found == stamp for found, _ in self.changed.values()):
            urge()
            if time.perf_counter() - start > _WITHIN:
                raise Broken(f"waited {_WITHIN:.0f} s for stamp {stamp!r}: {self.changed}")
            time.sleep(_OURS)
        return max(when for _, when in self.changed.values()) - start


@contextmanager
def watched(addresses: tuple[str, ...], probe: Probe, every: float) -> Iterator[Watch]:
    """Watch replicas that do not have the rule of a marked request yet, one thread each."""
    stop, now = threading.Event(), time.perf_counter()
    watch = Watch(stop, dict.fromkeys(addresses, ("", now)))
    headers = {"host": probe.host, **dict(probe.headers)}

    def ask(address: str) -> None:
        while not stop.wait(every):
            found = _stamp(address, probe.path, headers)
            if found is not None and found != watch.changed[address][0]:
                watch.changed[address] = (found, time.perf_counter())

    threads = [threading.Thread(target=ask, args=(address,), daemon=True) for address in addresses]
    for thread in threads:
        thread.start()
    try:
        yield watch
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _stamp(address: str, path: str, headers: dict[str, str]) -> str | None:
    """The stamp of one answer, empty without; None when there was no answer."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().getheader(STAMP_HEADER, "")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
