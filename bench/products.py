"""From the write until the last replica answers by it, on and off, for each gateway product that a cluster runs here.

Ours is what a release does: the store's write, then telling each replica again and again. Envoy watches its files, and
is what the others are compared with: all of them wait for the same kubelet, or for none.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.crowd import Silent
from bench.figures import Figure, figure
from bench.live import Seen, watched
from bench.measuring import Broken, progress
from bench.size import Size
from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.domain.release import Mode
from gatewayctl.domain.routing import CanaryRule, Change, Files
from gatewayctl.gateways.nginx.checker import find_nginx
from gatewayctl.wiring.discovery import Session, wire
from tests.e2e.nginx_cluster import NginxCluster
from tests.e2e.shop_cluster import ShopCluster, kubectl, running_cluster
from tests.e2e.spring_cluster import SpringCluster
from tests.e2e.traefik_cluster import TraefikCluster
from tests.gateways.springcloud.product import made

_APP = "orders"
_EVERY = 0.01  # seconds between two requests to a replica


def products(size: Size) -> Iterator[Figure]:
    """Envoy first: it is the others' baseline."""
    seen: dict[str, Seen] = {}
    for name, cluster in _clusters():
        with tempfile.TemporaryDirectory(prefix="gatewayctl-bench-") as folder:
            progress(f"the example behind {name}")
            with running_cluster(cluster(connect(), Path(folder))) as built:
                seen[name] = _edited(built, size.edits)
        for direction, mine, theirs in (
            ("on", seen[name].on, seen["Envoy"].on),
            ("off", seen[name].off, seen["Envoy"].off),
        ):
            yield figure(f"{name}: rule live on the last replica, {direction}", "s", mine, ("Envoy", theirs))


def _clusters() -> Iterator[tuple[str, type[ShopCluster]]]:
    """What is installed here; what is not is said."""
    yield "Envoy", ShopCluster
    if find_nginx():
        yield "nginx", NginxCluster
    else:
        progress("no nginx here: make products installs it")
    yield "HTTPRoute by Traefik", TraefikCluster
    if made("4.3"):
        yield "Spring Cloud Gateway", SpringCluster
    else:
        progress("no Spring Cloud Gateway here: make spring-gateway builds it")


def _edited(cluster: ShopCluster, edits: int) -> Seen:
    kubectl("-n", cluster.shop, "scale", "deployment", f"{_APP}-canary", "--replicas=1")
    cluster.settle(lambda: cluster.ready(cluster.shop, f"{_APP}-canary") == 1, "the canary")
    before, seen = cluster.routes(), Seen()
    session = wire(cluster.config, Silent(), _APP)

    def urge() -> None:
        for replica in session.ports.gateway.replicas.list():
            session.ports.gateway.activation.activate(replica)

    for number in range(edits):
        progress(f"edit {number + 1} of {edits}")
        release = session.draft(_APP, cluster.other_image(_APP), Mode.ON_SUCCESS)
        addresses = tuple(one.traffic for one in session.ports.gateway.replicas.list())
        with watched(addresses, release.marked_probe, _EVERY) as watch:
            seen.on.append(watch.after(lambda rule=release.rule: _on(session, rule), release.stamp, urge))  # type: ignore[misc]
            seen.off.append(watch.after(lambda: _off(session), "", urge))
    if cluster.routes() != before:
        raise Broken(f"the routes are not as before: {cluster.routes()}")
    return seen


def _on(session: Session, rule: CanaryRule) -> None:
    dialect = session.ports.gateway.dialect
    _written(session, lambda files: dialect.insert(files, rule))


def _off(session: Session) -> None:
    dialect = session.ports.gateway.dialect
    _written(session, lambda files: dialect.remove(files, _APP))


def _written(session: Session, edit: Callable[[Files], Change]) -> None:
    store = session.ports.gateway.store
    stored = store.read()
    for stage in edit(stored.files).stages:
        stored = store.write(stage, stored)
        store.announce()
