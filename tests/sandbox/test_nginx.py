"""Releases on real nginx replicas, which load their files on a signal."""

import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gatewayctl.adapters.files.processes import find_children, read_title
from gatewayctl.adapters.sandbox.objects import Folder
from gatewayctl.domain.routing import CanaryRule, Header, SourceFile
from gatewayctl.wiring.sandbox import sandbox_root
from tests.adapters.sandbox.rehearsal import Rehearsal
from tests.gateways.nginx.product import needs_nginx
from tests.sandbox.shop import NEW, Shop, a_shop, shorten_times

pytestmark = [pytest.mark.sandbox, needs_nginx]

HOST = {"host": "shop.example.com"}
MARK = {"x-canary": "always"}


def use_nginx(folder: Path) -> None:
    gateway = folder / "gateway-config"
    shutil.copytree(gateway / "nginx", gateway, dirs_exist_ok=True)
    shorten_times(folder)
    file = gateway / "gatewayctl.yaml"
    file.write_text(file.read_text().replace("duration: 2s, samples: 2", "duration: 4s, samples: 2"))


@pytest.fixture(scope="module")
def _shop(tmp_path_factory) -> Iterator[Shop]:
    with a_shop(tmp_path_factory.mktemp("nginx"), use_nginx) as shop:
        yield shop


@pytest.fixture
def shop(_shop) -> Shop:
    _shop.reset()
    wait_until_active(_shop)
    return _shop


def replicas(shop: Shop):
    return shop.wired.ports.gateway.replicas.list()


def wait_until_active(shop: Shop) -> None:
    """Wait until every replica runs with the files of the store."""
    activation = shop.wired.ports.gateway.activation
    shop.wait(lambda: not any(activation.activate(one) for one in replicas(shop)), "every replica to load the files")


def make_rule(shop: Shop) -> CanaryRule:
    host = shop.wired.ports.address("orders-canary")
    return CanaryRule("orders", "orders", "orders-canary", Header("x-canary", "always"), "r-1", host)


def publish(shop: Shop, *, there: bool) -> None:
    """Insert the rule, or remove it."""
    gateway = shop.wired.ports.gateway
    stored = gateway.store.read()
    change = (
        gateway.dialect.insert(stored.files, make_rule(shop))
        if there
        else gateway.dialect.remove(stored.files, "orders")
    )
    for stage in change.stages:
        gateway.store.write(stage, stored)


def find_workers(pid: int) -> set[int]:
    return {one for one in find_children(pid) if read_title(one) == "nginx: worker process"}


@pytest.mark.shows("nginx", "promoted")
def test_a_release_is_promoted_and_leaves_the_files_as_they_were(shop):
    done = shop.release(NEW)

    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.is_promoted()
    assert "2/2 gateway replicas serve it" in done.stderr
    assert "nothing in flight to the canary" in done.stderr


@pytest.mark.shows("nginx", "rejected")
def test_a_bad_canary_is_rejected_and_leaves_everything_as_it_was(shop):
    done = shop.release("shop/orders:1.1-errors")

    assert done.returncode == 3, done.stdout + done.stderr
    assert shop.is_as_before()


def test_a_plan_shows_the_address_that_the_rule_will_hold(shop):
    planned = shop.cli("plan", "orders", "--image", NEW)

    assert planned.returncode == 0, planned.stderr
    assert f"server {shop.wired.ports.address('orders-canary')}:8080;" in planned.stdout


@contextmanager
def steady_requests(shop: Shop) -> Iterator[Counter[str]]:
    """Marked and unmarked requests to every replica, each on a connection of its own, until the block ends."""
    seen: Counter[str] = Counter()
    stop, lock = threading.Event(), threading.Lock()

    def send(address: str, headers: dict[str, str]) -> None:
        while not stop.is_set():
            try:
                answer = httpx.get(f"http://{address}/api/orders/health", headers={**HOST, **headers}, timeout=10)
                who = "canary" if answer.headers["x-served-by"].startswith("orders-canary-") else "stable"
                what = f"{'marked' if headers else 'plain'} {answer.status_code} {who}"
            except (httpx.HTTPError, KeyError) as fault:
                what = repr(fault)
            with lock:
                seen[what] += 1

    threads = [
        threading.Thread(target=send, args=(one.traffic, headers)) for one in replicas(shop) for headers in ({}, MARK)
    ]
    for thread in threads:
        thread.start()
    try:
        shop.wait(lambda: sum(seen.values()) > 20, "requests to flow")
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.shows("nginx", "edits under load")
def test_twenty_reloads_under_load_fail_no_request_and_misroute_none(shop):
    ports = shop.wired.ports
    ports.workload_writer.change(ports.workloads.read("orders-canary"), replicas=1)
    shop.wait(lambda: ports.workloads.read("orders-canary").ready == 1, "the canary")
    Rehearsal(sandbox_root(shop.wired.spec)).sync_after(0.0)
    with steady_requests(shop) as seen:
        for turn in range(20):
            publish(shop, there=turn % 2 == 0)
            wait_until_active(shop)
            expected = "orders-canary-" if turn % 2 == 0 else "orders-"
            for one in replicas(shop):
                answer = httpx.get(f"http://{one.traffic}/api/orders/health", headers={**HOST, **MARK})
                assert answer.headers["x-served-by"].startswith(expected)
                assert ("canary" in answer.headers["x-served-by"]) == (turn % 2 == 0)

    assert set(seen) <= {"plain 200 stable", "marked 200 stable", "marked 200 canary"}, seen
    assert seen["plain 200 stable"] > 0 < seen["marked 200 canary"]


def test_files_that_nginx_does_not_take_are_named_and_the_old_ones_still_serve(shop):
    gateway = shop.wired.ports.gateway
    stored = gateway.store.read()
    broken = SourceFile("shop.conf", stored.files[0].text + "no such directive;\n")
    gateway.store.write((broken,), stored)
    first = replicas(shop)[0]

    shop.wait(lambda: "unknown directive" in gateway.activation.activate(first), "the fault")

    assert "still run with the old files; its log says: " in gateway.activation.activate(first)
    assert httpx.get(f"http://{first.traffic}/api/orders/health", headers=HOST).status_code == 200


def test_a_replica_with_the_newest_files_gets_no_second_signal(shop):
    status = Folder(sandbox_root(shop.wired.spec)).replica_statuses()[0]
    before = find_workers(status.pid)

    wait_until_active(shop)

    assert before == find_workers(status.pid) != set()


@pytest.mark.shows("nginx", "canary gone")
def test_with_the_canary_gone_a_replica_starts_with_the_rule_in_its_files(shop):
    publish(shop, there=True)
    wait_until_active(shop)
    rehearsal = Rehearsal(sandbox_root(shop.wired.spec))
    rehearsal.hold("gateway-0")
    shop.wait(lambda: not replicas(shop)[0].ready, "it to be down")
    rehearsal.let_go("gateway-0")
    shop.wait(lambda: replicas(shop)[0].ready, "it to start again")

    address = replicas(shop)[0].traffic
    assert httpx.get(f"http://{address}/api/orders/health", headers=HOST).status_code == 200
    assert httpx.get(f"http://{address}/api/orders/health", headers={**HOST, **MARK}).status_code == 502


def test_a_replica_that_is_killed_leaves_no_worker(shop):
    rehearsal = Rehearsal(sandbox_root(shop.wired.spec))
    left = find_workers(rehearsal.status("gateway-1").pid)

    rehearsal.hold("gateway-1")
    shop.wait(lambda: not any(read_title(one).startswith("nginx") for one in left), "its workers to be gone")
    rehearsal.let_go("gateway-1")
    shop.wait(lambda: replicas(shop)[1].ready, "it to start again")


def test_a_supervisor_that_is_killed_leaves_no_nginx(tmp_path):
    with a_shop(tmp_path, use_nginx) as shop:
        folder = Folder(sandbox_root(shop.wired.spec))
        masters = [status.pid for status in folder.replica_statuses()]
        processes = [*masters, *(one for master in masters for one in find_children(master))]
        supervisor = folder.supervisor()
        assert supervisor is not None
        os.kill(supervisor.pid, signal.SIGKILL)

        shop.wait(lambda: not any(read_title(one).startswith("nginx") for one in processes), "every nginx to be gone")
