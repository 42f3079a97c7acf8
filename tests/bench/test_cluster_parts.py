"""What the cluster's benchmarks do can be tried without a cluster: the watch, the street's manifests, the counts."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench import street
from bench.audit import verbs
from bench.live import a_rule, marked, watched
from bench.release import waited
from bench.street import Street
from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.config.load import load
from gatewayctl.domain.routing import STAMP_HEADER, SourceFile
from gatewayctl.gateways.registry import gateway


class Gate(ThreadingHTTPServer):
    """A gateway replica that stamps its answers with whatever it is told."""

    daemon_threads = True
    stamp = ""


class Handler(BaseHTTPRequestHandler):
    server: Gate

    def do_GET(self) -> None:
        self.send_response(200)
        if self.server.stamp:
            self.send_header(STAMP_HEADER, self.server.stamp)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def gates() -> Iterator[tuple[Gate, Gate]]:
    made = (Gate(("127.0.0.1", 0), Handler), Gate(("127.0.0.1", 0), Handler))
    for one in made:
        threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    for one in made:
        one.shutdown()
        one.server_close()


def test_a_rule_is_live_when_the_last_replica_answers_by_it(gates: tuple[Gate, Gate]):
    first, last = gates
    rule = a_rule("orders")

    def write() -> None:
        first.stamp = rule.stamp
        threading.Timer(0.5, setattr, (last, "stamp", rule.stamp)).start()

    def undo() -> None:
        first.stamp = last.stamp = ""

    with watched(tuple(f"127.0.0.1:{one.server_port}" for one in gates), marked(rule), 0.01) as watch:
        on = watch.after(write, rule.stamp)
        begun = time.perf_counter()
        off = watch.after(undo, "")
        whole = time.perf_counter() - begun

    assert on >= 0.5
    assert 0 < off <= whole


def test_replicas_that_wait_to_be_told_are_told_until_the_last_one_has_heard(gates: tuple[Gate, Gate]):
    rule, told = a_rule("orders"), []

    def urge() -> None:
        told.append(len(told))
        for one in gates[: len(told)]:
            one.stamp = rule.stamp

    with watched(tuple(f"127.0.0.1:{one.server_port}" for one in gates), marked(rule), 0.01) as watch:
        watch.after(lambda: None, rule.stamp, urge)

    assert len(told) >= 2


def test_two_rules_never_have_the_same_mark():
    assert a_rule("orders").stamp != a_rule("orders").stamp


@pytest.fixture
def built(tmp_path: Path) -> Street:
    return Street(Api.__new__(Api), tmp_path, ("app-01", "app-02"), 2, "a1b2c3")


def test_every_application_of_a_street_can_be_released_through_its_gateway(built: Street):
    files = (SourceFile(street.KEY, street.route_file(built.apps)),)
    clusters = json.loads(street.bootstrap(built.apps))["static_resources"]["clusters"]

    for app in built.apps:
        routed = gateway("envoy").dialect.insert(files, a_rule(app))
        assert [route.target for route in routed.covered] == [app]
    assert [one["name"] for one in clusters] == ["app-01", "app-01-canary", "app-02", "app-02-canary"]
    assert "orders" not in json.dumps(clusters)


def test_every_application_of_a_street_has_a_configuration_of_its_own(built: Street):
    for app in built.apps:
        built.config(app).parent.mkdir()
        built.config(app).write_text(street.configuration(built, app))

        spec = load(built.config(app))

        assert list(spec.apps) == [app]
        assert spec.apps[app].target.canary == f"{app}-canary"
        assert (spec.platform.namespace, spec.gateway.selector) == (built.shop, "app=gateway-0")


def test_the_objects_of_a_street_are_in_its_own_namespaces_and_hang_together(built: Street):
    objects = street.objects(built)

    assert {one["metadata"].get("namespace") for one in objects} == {None, built.shop, built.gateway}
    for one in objects:
        if one["kind"] == "Deployment":
            labels = one["spec"]["template"]["metadata"]["labels"]
            assert one["spec"]["selector"]["matchLabels"] == labels == {"app": one["metadata"]["name"]}
        if one["kind"] == "Service":
            assert one["spec"]["selector"] == {"app": one["metadata"]["name"]}


def test_requests_are_counted_once_each_and_only_those_of_the_agent(tmp_path: Path):
    def line(number: int, verb: str, agent: str) -> str:
        return json.dumps({"auditID": str(number), "verb": verb, "userAgent": agent}) + "\n"

    log = tmp_path / "audit.log"
    log.write_text(line(1, "get", "kubectl/v1"))
    begin = log.stat().st_size
    with log.open("a") as more:
        more.write(line(2, "watch", "kubectl/v1") + line(2, "watch", "kubectl/v1"))
        more.write(line(3, "get", "kubectl/v1") + line(4, "get", "other") + '{"half of a li')

    assert verbs(log, begin, "kubectl") == Counter(watch=1, get=1)


def test_what_goes_by_in_phases_that_wait_for_pods_is_not_our_own():
    notes = [{"phase": phase, "seconds": 1.5} for phase in ("warm", "route", "promote", "unroute", "cool")]

    assert waited(notes) == 4.5
