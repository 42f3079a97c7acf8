"""Without a gatewayctl.yaml each application is acted on with the one that its own release left in the cluster."""

from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.adapters.kubernetes.state.journal import KubernetesJournal
from gatewayctl.domain.errors import UsageFault
from gatewayctl.wiring.discovery import wire, wire_each
from tests.adapters.kubernetes.fake_api.http import serving
from tests.adapters.kubernetes.fake_api.server import FakeApiServer
from tests.contract.releases import a_release
from tests.fakes.memory import Silent

TEXT = (Path(__file__).parents[2] / "manifests" / "gatewayctl.yaml").read_text()
OTHER = TEXT.replace("gateway-routes", "other-routes")
"""Of another team: the same applications, on their way to another gateway."""


def places(namespace: str, app: str | None = None) -> dict[str, tuple[str, ...]]:
    """By application, where the rules of its gateway are."""
    each = wire_each(None, Silent(), app, namespace)
    return {name: session.ports.gateway.place.rules for name, session in each}


def test_each_application_has_the_configuration_of_its_own_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """p08, the same kind: `sweep --namespace` looked at every gateway with the first application's configuration."""
    monkeypatch.chdir(tmp_path)
    with serving(FakeApiServer().answer, tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        for app, text in (("orders", TEXT), ("payments", OTHER)):
            KubernetesJournal(connect(file=kubeconfig), "shop", text).save(app, a_release(1, app), 0)

        assert places("shop") == {
            "orders": ("ConfigMap gateway-routes: rds.yaml",),
            "payments": ("ConfigMap other-routes: rds.yaml",),
        }
        assert wire(None, Silent(), "payments", "shop").ports.gateway.place.rules == places("shop")["payments"]


def test_an_application_without_a_release_has_the_configuration_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(FakeApiServer().answer, tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        with pytest.raises(UsageFault, match="namespace shop keeps no release of any app"):
            places("shop")
        KubernetesJournal(connect(file=kubeconfig), "shop", OTHER).save("orders", a_release(1), 0)

        assert set(places("shop").values()) == {("ConfigMap other-routes: rds.yaml",)}
        assert sorted(places("shop")) == ["orders", "payments"]


def test_a_configuration_in_this_folder_is_used_unless_a_namespace_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gatewayctl.yaml").write_text(TEXT)
    with serving(FakeApiServer().answer, tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        KubernetesJournal(connect(file=kubeconfig), "shop", OTHER).save("orders", a_release(1), 0)

        assert places("", "orders")["orders"] == ("ConfigMap gateway-routes: rds.yaml",)
        assert places("shop", "orders")["orders"] == ("ConfigMap other-routes: rds.yaml",)
