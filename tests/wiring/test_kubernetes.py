"""The ports of a cluster: chosen from the configuration, and nothing is asked before somebody asks."""

from dataclasses import replace
from pathlib import Path

import pytest

from gatewayctl.config.load import load, parse
from gatewayctl.config.spec import Spec
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.place import GatewayLocation
from gatewayctl.domain.prometheus import PrometheusSpec
from gatewayctl.wiring.discovery import wire_spec
from gatewayctl.wiring.gateway import location_of
from gatewayctl.wiring.kubernetes import _gateway_place, _permissions, spec_in_cluster, sync_canary
from tests.adapters.kubernetes.fake_api.http import Reply, Request, failure, serving
from tests.adapters.metrics.prometheus import judged_by
from tests.fakes.memory import Silent

SPEC = Path(__file__).parents[2] / "manifests" / "gatewayctl.yaml"
CHECKS = ["rights", "route files", "twins"]


@pytest.fixture
def spec() -> Spec:
    return load(SPEC).behind("orders")


def test_a_cluster_is_asked_only_when_a_port_is_used(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Request] = []

    def refuse(one: Request) -> Reply:
        asked.append(one)
        return failure(403, "you may not")

    with serving(refuse, tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        session = wire_spec(spec, Silent())
        before = len(asked)
        (checks,) = session.ports.inspections
        found = checks(session.app("orders").target)

    assert before == 0
    assert [check.name for check in found] == CHECKS
    assert all(check.fault for check in found)


def test_a_gateway_that_loads_its_files_at_a_command_is_checked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SPEC.read_text().replace("kind: envoy", "kind: nginx\n  container: nginx").replace("  admin: 9901\n", "")
    nginx = parse(text, SPEC).behind("orders")

    with serving(lambda _: failure(403, "you may not"), tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        session = wire_spec(nginx, Silent())
        found = session.ports.inspections[0](session.app("orders").target)

    assert [check.name for check in found] == ["rights", "route files", "reload", "twins"]


def test_a_cluster_has_each_source_with_the_gauges_of_its_pods(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda _: failure(403, "you may not"), tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        ports = wire_spec(replace(spec, prometheus=PrometheusSpec("http://127.0.0.1:1")), Silent()).ports
        found = [one.read(judged_by("OOMKilled >= 1")) for one in ports.signals]

    assert [one.name for one in ports.signals] == ["gateway", "prometheus"]
    assert all(one.faults for one in found)
    assert all(list(one.gauges) == ["OOMKilled"] and "you may not" in one.unknown[0] for one in found)


@pytest.mark.parametrize(("rule", "needed"), [("cpu > 80%", True), ("OOMKilled >= 1", False)])
def test_the_metrics_api_is_a_right_only_where_a_rule_needs_it(spec: Spec, rule: str, *, needed: bool) -> None:
    app = spec.app("orders")
    judged = replace(app, trial=replace(app.trial, ramp=judged_by(rule).trial.ramp))

    found = _permissions(replace(spec, apps={"orders": judged}), _gateway_place(spec), with_exec=False)

    assert any(one.group == "metrics.k8s.io" for one in found) is needed


def test_a_cluster_without_a_release_says_which_options_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda _: failure(404, "not found"), tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        with pytest.raises(UsageFault, match="namespace shop keeps no release of orders") as caught:
            spec_in_cluster("orders", "shop", "")

    assert "--namespace" in caught.value.hint


def test_the_place_of_a_gateway_tells_it_from_every_other_and_not_how_it_is_asked(spec: Spec, tmp_path: Path) -> None:
    """p08: two configurations of one application that name different gateways."""
    (name, found) = next(iter(spec.gateways.items()))

    def place(**changes: object) -> GatewayLocation:
        gateways = {name: replace(found, **changes)}  # type: ignore[arg-type]
        return location_of(replace(spec, gateways=gateways, file=tmp_path / "gatewayctl.yaml"))

    here = place()
    assert (here.kind, here.namespace, here.selector) == ("envoy", found.namespace, found.selector)
    assert here.rules == tuple(f"ConfigMap {found.config_map}: {key}" for key in sorted(found.keys))
    others = [
        place(namespace="other"),
        place(selector="app=other"),
        place(config_map="other"),
        place(keys=("other.yaml",)),
        place(kind="httproute", routes=("shop/orders",)),
        place(kind="httproute", routes=("shop/payments",)),
    ]
    assert len({here, *others}) == 7
    assert place(keys=tuple(reversed(found.keys)), admin=1, traffic=2) == here


def test_a_session_knows_the_place_of_its_gateway_and_its_applications(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda _: failure(403, "you may not"), tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        session = wire_spec(spec, Silent())

    assert session.ports.gateway.place == location_of(spec)
    assert session.driver.apps == spec.apps


def test_only_a_cluster_has_twins_to_sync(spec: Spec) -> None:
    sandbox = replace(spec, platform=replace(spec.platform, kind="sandbox"))

    with pytest.raises(UsageFault, match=r"sync needs a cluster; platform\.kind is sandbox"):
        sync_canary(sandbox, "orders", write=True)
