"""A running sandbox, from outside: Services, pods, rolling updates, and a real gateway that reads mounted files."""

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from gatewayctl.adapters.files.processes import is_alive
from gatewayctl.adapters.sandbox.objects import Folder
from gatewayctl.adapters.sandbox.replicas import SandboxReplicas
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.routing import SourceFile
from tests.adapters.sandbox.conftest import HOST, Shop, until

pytestmark = pytest.mark.sandbox


def refuses(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) != 0


@contextmanager
def steady_requests(url: str, path: str, clients: int = 4) -> Iterator[Counter[str]]:
    """Send requests without a pause until the block ends; count `status version`, or the error."""
    seen: Counter[str] = Counter()
    stop, lock = threading.Event(), threading.Lock()

    def send() -> None:
        with httpx.Client(base_url=url, headers=HOST, timeout=10) as client:
            while not stop.is_set():
                try:
                    answer = client.get(path)
                    what = f"{answer.status_code} {answer.headers.get('x-version', '')}"
                except httpx.HTTPError as fault:
                    what = repr(fault)
                with lock:
                    seen[what] += 1

    threads = [threading.Thread(target=send) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: sum(seen.values()) > 20, "requests to flow")
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_service_refuses_connections_while_nothing_is_ready(shop: Shop) -> None:
    canary = shop.service("orders-canary")
    assert refuses(canary)

    shop.workloads.change(shop.workloads.read("orders-canary"), image="shop/orders:1.1-unready", replicas=1)
    until(lambda: "answered 503" in shop.workloads.logs("orders-canary"), "an answer of the pod that is not ready")
    assert refuses(canary)

    shop.settle("orders-canary", image="shop/orders:1.1")
    assert not refuses(canary)

    shop.settle("orders-canary", replicas=0)
    assert refuses(canary)


def test_a_workload_is_ready_only_when_its_service_takes_connections(shop: Shop) -> None:
    shop.workloads.change(shop.workloads.read("orders-canary"), replicas=1)
    while not shop.workloads.read("orders-canary").ready:
        time.sleep(0.001)

    assert not refuses(shop.service("orders-canary"))


def test_a_request_in_flight_survives_that_its_pod_is_scaled_away(shop: Shop) -> None:
    shop.settle("orders-canary", image="shop/orders:1.1", replicas=1)
    canary = shop.service("orders-canary")
    connection = HTTPConnection(*canary, timeout=10)
    connection.request("GET", "/api/orders/slow?ms=800")

    shop.workloads.change(shop.workloads.read("orders-canary"), replicas=0)
    until(lambda: refuses(canary), "the endpoint to be gone")
    ending = shop.workloads.read("orders-canary")
    answer = connection.getresponse()

    assert (ending.ready, len(ending.pods), ending.settled) == (0, 1, False)
    assert (answer.status, answer.getheader("x-version")) == (200, "1.1")
    until(lambda: shop.workloads.read("orders-canary").pods == (), "the pod to be gone")
    connection.close()


def test_a_rolling_update_under_steady_requests_loses_none(shop: Shop) -> None:
    with steady_requests(shop.url(), "/api/orders/items/1") as seen:
        shop.settle("orders", image="shop/orders:1.1")
        until(lambda: seen["200 1.1"] > 50, "answers of the new version")
        before = shop.workloads.read("orders")
        shop.settle("orders", image="shop/orders:1.0")

    assert before.ready == 1
    assert set(seen) == {"200 1.0", "200 1.1"}, seen


def test_a_bad_update_takes_nothing_from_the_good_pods(shop: Shop) -> None:
    with steady_requests(shop.url(1), "/api/orders/items/1") as seen:
        shop.workloads.change(shop.workloads.read("orders"), image="shop/orders:1.1-crash")
        until(lambda: shop.workloads.read("orders").trouble, "an explanation")
        shop.settle("orders", image="shop/orders:1.0")

    assert set(seen) == {"200 1.0"}, seen


def test_a_crash_loop_is_explained_after_three_exits_with_the_last_log_line(shop: Shop) -> None:
    shop.workloads.change(shop.workloads.read("orders-canary"), image="shop/orders:1.1-crash", replicas=1)

    until(lambda: shop.workloads.read("orders-canary").trouble, "an explanation")

    found = shop.workloads.read("orders-canary")
    assert str(found.trouble) == (
        f"{found.pods[0]}: exited 1 three times, last log: orders 1.1-crash: cannot open its database, giving up"
    )


def test_a_pod_that_dies_is_started_again_in_place(shop: Shop) -> None:
    status = Folder(shop.root).workload_status("orders")
    os.kill(status.pods[0].pid, signal.SIGKILL)

    until(lambda: not is_alive(status.pods[0].pid, status.pods[0].started), "the process to end")
    until(lambda: Folder(shop.root).workload_status("orders").pods[0].restarts == 1, "a restart")
    until(lambda: shop.workloads.read("orders").settled, "the pod to be ready again")

    again = Folder(shop.root).workload_status("orders").pods[0]
    assert (again.name, again.address) == (status.pods[0].name, status.pods[0].address)
    assert again.pid != status.pods[0].pid


def test_several_pods_share_the_requests(shop: Shop) -> None:
    pods = set(shop.settle("orders", replicas=3).pods)

    served = set()
    for _ in range(6):
        connection = HTTPConnection(*shop.service("orders"), timeout=5)
        connection.request("GET", "/healthz")
        served.add(connection.getresponse().getheader("x-served-by"))
        connection.close()

    assert served == pods
    assert len(pods) == 3


def test_a_gateway_that_dies_is_started_again(shop: Shop) -> None:
    before = shop.rehearsal.status("gateway-0")
    os.kill(before.pid, signal.SIGKILL)

    until(lambda: shop.rehearsal.status("gateway-0").pid not in (0, before.pid), "another process")
    until(lambda: SandboxReplicas(shop.root).list()[0].ready, "the replica")

    assert httpx.get(f"{shop.url(0)}/api/orders/items/1", headers=HOST).status_code == 200
    assert SandboxReplicas(shop.root).list()[0].traffic == before.traffic


def test_a_gateway_that_is_held_down_stays_down_until_it_is_let_go(shop: Shop) -> None:
    shop.rehearsal.hold("gateway-1")
    until(lambda: SandboxReplicas(shop.root).list()[1].note == "held down", "the replica to be down")
    address, _, port = SandboxReplicas(shop.root).list()[1].traffic.rpartition(":")
    assert refuses((address, int(port)))
    assert SandboxReplicas(shop.root).list()[0].ready

    shop.rehearsal.let_go("gateway-1")
    until(lambda: SandboxReplicas(shop.root).list()[1].ready, "the replica to be back")

    with pytest.raises(UsageFault, match="gateway-0, gateway-1"):
        shop.rehearsal.hold("gateway-7")


def with_greeting(shop: Shop, greeting: str) -> tuple[SourceFile, ...]:
    """The routes with another word on the page that is not there."""
    text = shop.routes.read().files[0].text
    assert "no such page in this shop" in text
    return (SourceFile("rds.yaml", text.replace("no such page in this shop", greeting)),)


def greeting(shop: Shop, number: int) -> str:
    return shop.page(number).strip()


def test_each_replica_takes_a_change_of_routes_after_its_own_delay(shop: Shop) -> None:
    shop.rehearsal.sync_after(0.4, 0.6)
    begun = time.monotonic()
    shop.routes.write(with_greeting(shop, "new page"), shop.routes.read())

    until(lambda: greeting(shop, 0) == "new page", "the first replica")
    first = time.monotonic() - begun
    until(lambda: greeting(shop, 1) == "new page", "the second replica")
    second = time.monotonic() - begun

    assert first >= 0.4
    assert second >= 1.0


def test_a_replica_takes_the_newest_of_several_changes(shop: Shop) -> None:
    shop.rehearsal.sync_after(0.3)
    for number in range(5):
        last = shop.routes.write(with_greeting(shop, "no such page in this shop" + "!" * number), shop.routes.read())

    until(lambda: shop.rehearsal.status("gateway-0").synced == last.version, "the last version")

    until(lambda: greeting(shop, 0).endswith("!" * 10), "the last text")


def test_changes_that_never_end_do_not_keep_a_replica_from_following(shop: Shop) -> None:
    shop.rehearsal.sync_after(0.3)
    first = shop.routes.read()

    def another_and_synced() -> bool:
        shop.routes.write((), shop.routes.read())
        return shop.rehearsal.status("gateway-0").synced != first.version

    until(another_and_synced, "a version to arrive while others are written")


def test_a_file_with_an_unknown_field_is_rejected_and_the_old_one_stays_live(shop: Shop) -> None:
    shop.rehearsal.sync_after(0.0)
    text = shop.routes.read().files[0].text
    bad = text.replace('prefix: "/api/orders/"', 'prefix: "/api/orders/", header: []').replace("no such", "never seen")
    written = shop.routes.write((SourceFile("rds.yaml", bad),), shop.routes.read())
    until(lambda: shop.rehearsal.status("gateway-0").synced == written.version, "the file to arrive")

    admin = SandboxReplicas(shop.root).list()[0].admin
    stat = "http.ingress.rds.shop.update_rejected"
    until(
        lambda: f"{stat}: 1" in httpx.get(f"http://{admin}/stats", params={"filter": stat}).text, "the file's rejection"
    )
    assert greeting(shop, 0) == "no such page in this shop"


def test_the_store_keeps_exact_bytes_while_replicas_read_their_own_addresses(shop: Shop) -> None:
    shop.rehearsal.sync_after(0.0)
    text = shop.routes.read().files[0].text + "# \ufeff é \t 0.0.0.0 /etc/gateway \r\n# end"

    written = shop.routes.write((SourceFile("rds.yaml", text),), shop.routes.read())
    until(lambda: shop.rehearsal.status("gateway-1").synced == written.version, "the file to arrive")

    mounted = Path(shop.root, "replicas", "gateway-1", "mount")
    address = shop.url(1).removeprefix("http://").partition(":")[0]
    assert shop.routes.read().files[0].text == text
    localised = text.replace("0.0.0.0", address).replace("/etc/gateway", str(mounted))
    assert (mounted / "rds.yaml").read_bytes() == localised.encode()


def test_applications_do_not_meet(shop: Shop) -> None:
    for app in ("orders", "payments"):
        answer = httpx.get(f"{shop.url()}/api/{app}/items/1", headers=HOST)
        assert (answer.json()["app"], answer.headers["x-version"]) == (app, "1.0")
    assert httpx.get(f"{shop.url()}/api/orders/items/1").status_code == 404
