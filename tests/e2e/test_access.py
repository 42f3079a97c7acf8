"""The rights of manifests/rbac.yaml on a real API server: enough, and each of them missed when it is gone."""

import copy
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, connect
from gatewayctl.adapters.kubernetes.client.paths import deployments, events
from gatewayctl.adapters.kubernetes.doctor.rbac import Permission, PodAccess, find_missing, release_permissions
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.state.events import EventReason, EventWriter
from tests.adapters.kubernetes.state.test_events import RecordingListener
from tests.e2e.accounts import as_account
from tests.fakes.shop import AskingSuites, a_release
from tests.fakes.world import World

MANIFEST = Path(__file__).parents[2] / "manifests" / "rbac.yaml"
WITHIN = 30  # seconds until the API server's caches know a changed Role


@dataclass
class Account:
    """A ServiceAccount with the manifest's Roles in namespaces of its own; `admin` may change them."""

    admin: Api
    api: Api
    roles: dict[str, dict[str, Any]]
    needed: tuple[Permission, ...]

    def path(self, namespace: str) -> str:
        return f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/gatewayctl"

    @contextmanager
    def limited(self, namespace: str, rules: list[dict[str, Any]]) -> Iterator[None]:
        """The Role of a namespace has other rules meanwhile."""
        try:
            self.admin.merge(self.path(namespace), {"rules": rules})
            yield
        finally:
            self.admin.merge(self.path(namespace), {"rules": self.roles[namespace]["rules"]})

    def settled(self, expected: tuple[Permission, ...]) -> tuple[Permission, ...]:
        """What is missing, once it is what is expected or the time is over."""
        deadline = time.monotonic() + WITHIN
        while True:
            found = find_missing(self.api, self.needed)
            if found == expected or time.monotonic() > deadline:
                return found
            time.sleep(0.02)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    admin, mark = connect(), secrets.token_hex(3)
    names = {"shop": f"access-shop-{mark}", "gateway": f"access-gateway-{mark}"}
    try:
        for name in names.values():
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            admin.create("/api/v1/namespaces", body)
        roles = {}
        for one in yaml.safe_load_all(MANIFEST.read_text()):
            for place in (one["metadata"], *one.get("subjects", [])):
                place["namespace"] = names[place["namespace"]]
            space = one["metadata"]["namespace"]
            group = "api/v1" if one["kind"] == "ServiceAccount" else f"apis/{one['apiVersion']}"
            admin.create(f"/{group}/namespaces/{space}/{one['kind'].lower()}s", one)
            if one["kind"] == "Role":
                roles[space] = one
        file = tmp_path_factory.mktemp("access") / "kubeconfig"
        file.write_text(as_account(admin, names["shop"]))
        place = GatewayPlace(names["gateway"], "app=gateway", "gateway-routes", ("rds.yaml",), 8000, 9901)
        yield Account(
            admin, connect(file=str(file)), roles, release_permissions(names["shop"], place, PodAccess.OUTSIDE)
        )
    finally:
        for name in names.values():
            admin.delete(f"/api/v1/namespaces/{name}")


def test_the_manifest_is_enough(account: Account) -> None:
    assert account.settled(()) == ()


def test_each_single_verb_that_is_gone_is_named(account: Account) -> None:
    assert account.settled(()) == ()
    tried = 0
    for namespace, role in account.roles.items():
        for number, rule in enumerate(role["rules"]):
            for verb in rule["verbs"]:
                rules = copy.deepcopy(role["rules"])
                rules[number]["verbs"].remove(verb)
                expected = tuple(
                    right
                    for right in account.needed
                    if (right.namespace, right.group, right.resource, right.verb)
                    == (namespace, rule["apiGroups"][0], rule["resources"][0], verb)
                )

                assert len(expected) == 1
                with account.limited(namespace, [one for one in rules if one["verbs"]]):
                    assert account.settled(expected) == expected
                tried += 1
    assert tried == len(account.needed)
    assert account.settled(()) == ()


def test_what_the_account_may_not_do_is_refused_with_the_way_out(account: Account) -> None:
    namespace = account.needed[0].namespace

    with pytest.raises(ApiFault, match="forbidden") as caught:
        account.api.get(f"/api/v1/namespaces/{namespace}/secrets")

    assert "manifests/rbac.yaml" in caught.value.hint


def test_an_event_as_long_as_can_be_is_found_at_its_deployment_and_one_that_fails_is_said(account: Account) -> None:
    namespace = account.needed[0].namespace
    labels = {"app": "orders"}
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "none"}]}},
    }
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "orders"}, "spec": spec}
    uid = account.admin.create(deployments(namespace), body)["metadata"]["uid"]
    assert account.settled(()) == ()
    heard = RecordingListener()
    world = World()
    release = replace(a_release(world, AskingSuites(world, [])), reason="é" * 2000)
    stranger = replace(release, target=replace(release.target, stable="nobody"))
    told = EventWriter(account.api, namespace, lambda name: account.api.get(deployments(namespace, name)), heard)

    told.write(release, EventReason.REJECTED)
    told.write(stranger, EventReason.REJECTED)

    found = account.api.get(events(namespace), fieldSelector=f"regarding.uid={uid}")["items"]
    assert [(one["reason"], one["type"], one["regarding"]["name"]) for one in found] == [
        ("Rejected", "Warning", "orders")
    ]
    assert found[0]["note"].count("é") > 400
    assert ["nobody" in one for one in heard.lines] == [True]
