"""Companions of stable's objects as a route store, against a small API server that can lose answers."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import UnknownOutcome, connect
from gatewayctl.adapters.kubernetes.client.names import ROUTES, WRITE
from gatewayctl.adapters.kubernetes.doctor.rbac import PodAccess, release_permissions
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace, RouteObjects
from gatewayctl.adapters.kubernetes.routes.companions import CompanionRouteStore
from gatewayctl.adapters.kubernetes.routes.dry_run import ObjectDryRun
from gatewayctl.domain.errors import EnvironmentFailed, Refused, StaleWrite, UsageFault
from gatewayctl.domain.platform import Validation, VersionedFiles
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.ingressnginx.resource import INGRESS
from gatewayctl.gateways.resource import INACTIVE_CLASS
from tests.adapters.kubernetes.fake_api.http import failure, serving
from tests.adapters.kubernetes.fake_api.server import FakeApiServer, sort_keys

CANARY = "gatewayctl-orders-canary.shop"
COLLECTION = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/"
ONE = """\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: "gatewayctl-orders-canary.shop"
  namespace: "shop"
  annotations:
    "nginx.ingress.kubernetes.io/canary": "true"
    "nginx.ingress.kubernetes.io/canary-weight": "5"
  labels:
    "app.kubernetes.io/managed-by": "gatewayctl"
spec:
  ingressClassName: "nginx"
  rules:
    - host: "shop.example"
"""


def an_ingress(name: str) -> dict[str, Any]:
    """As the API server hands it out; it belongs to Helm, and has marks that shape no request."""
    annotations = {
        "nginx.ingress.kubernetes.io/rewrite-target": "/$2",
        "meta.helm.sh/release-name": "shop",
        "kubectl.kubernetes.io/last-applied-configuration": "{}\n---\n",
    }
    metadata = {
        "name": name,
        "namespace": "shop",
        "uid": f"u-{name}",
        "resourceVersion": "5",
        "annotations": annotations,
    }
    spec = {"ingressClassName": "nginx", "rules": [{"host": "shop.example"}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


@pytest.fixture
def server() -> FakeApiServer:
    objects = {f"{COLLECTION}{name}": an_ingress(name) for name in ("shop", "more")}
    return FakeApiServer(objects, on_store=lambda changed, _: sort_keys(changed), count=5)


@pytest.fixture
def store(server: FakeApiServer, tmp_path: Path) -> Iterator[CompanionRouteStore]:
    with serving(server.answer, tmp_path) as config:
        yield a_store(config)


def a_store(config: str) -> CompanionRouteStore:
    assert INGRESS.companions is not None
    routes = RouteObjects(INGRESS, ("shop/shop", "shop/more"))
    return CompanionRouteStore(connect(file=config), routes, INGRESS.companions, "gateway")


def with_canary(read: VersionedFiles, text: str = ONE) -> Files:
    """The first file, with `text` after stable's part."""
    first = read.files[0]
    return (SourceFile(first.name, first.text.split("---\n")[0] + text),)


def put(store: CompanionRouteStore, text: str = ONE) -> VersionedFiles:
    """Write the first file anew, on top of what is there."""
    before = store.read()
    return store.write(with_canary(before, text), before)


def names(server: FakeApiServer) -> set[str]:
    return {path.rpartition("/")[2] for path in server.objects if path.startswith(COLLECTION)}


def test_a_companion_is_created_read_back_as_the_same_bytes_and_deleted_and_stables_object_is_never_written(
    store, server
):
    stables = copy.deepcopy(server.objects)
    before = store.read()

    after = put(store)

    assert after.files[0].text == before.files[0].text + ONE
    assert store.read() == after
    assert names(server) == {"shop", "more", CANARY}
    assert server.named(CANARY)["spec"]["ingressClassName"] == "nginx"
    store.write(before.files, after)
    assert store.read().files == before.files
    del server.objects[f"/apis/coordination.k8s.io/v1/namespaces/gateway/leases/{ROUTES}"]
    assert server.objects == stables


def test_stables_text_has_what_shapes_requests_and_nothing_of_its_owner(store):
    text = store.read().files[0].text

    assert '"nginx.ingress.kubernetes.io/rewrite-target": "/$2"' in text
    assert "helm" not in text
    assert "kubectl" not in text


def test_an_object_of_stables_that_helm_owns_is_no_obstacle_and_one_that_is_being_deleted_is(store, server):
    assert store.check() == "Ingress shop/shop; Ingress shop/more"
    server.named("more")["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    with pytest.raises(Refused, match="Ingress shop/more: it is being deleted"):
        store.check()


def test_a_missing_object_of_stables_is_named(store, server):
    del server.objects[f"{COLLECTION}more"]

    with pytest.raises(EnvironmentFailed, match="there is no Ingress shop/more"):
        store.read()


def test_a_companion_has_no_class_until_the_version_is_known_to_be_ours(store, server):
    put(store)

    [create] = [one for one in server.writes if one.verb == "POST" and one.path.endswith("/ingresses")]
    assert create.body["spec"]["ingressClassName"] == INACTIVE_CLASS
    assert create.query == {"fieldValidation": "Strict"}


def test_a_class_in_an_annotation_is_left_out_until_then_too(store, server):
    old = ONE.replace('  ingressClassName: "nginx"\n', "").replace(
        "  annotations:\n", '  annotations:\n    "kubernetes.io/ingress.class": "nginx"\n'
    )

    after = put(store, old)

    [create] = [one for one in server.writes if one.verb == "POST" and one.path.endswith("/ingresses")]
    assert create.body["spec"]["ingressClassName"] == INACTIVE_CLASS
    assert "kubernetes.io/ingress.class" not in create.body["metadata"]["annotations"]
    assert store.read() == after
    assert "ingressClassName" not in server.named(CANARY)["spec"]


def test_a_write_that_was_overtaken_before_its_companion_was_complete_takes_it_back(store, server):
    """I5: the process that takes over wrote in between, and saw no object of ours."""

    def overtake(request):
        if request.verb == "POST" and request.path.endswith("/ingresses"):
            lease = f"/apis/coordination.k8s.io/v1/namespaces/gateway/leases/{ROUTES}"
            server.edit(lease, lambda found: found["metadata"]["annotations"].update({WRITE: "theirs"}))

    server.before_write = overtake

    with pytest.raises(StaleWrite, match="before it was complete"):
        put(store)

    assert names(server) == {"shop", "more"}


def test_a_write_that_was_overtaken_after_its_companion_was_created_does_not_complete_it(store, server):
    """I5: the process that takes over finds the object, and deletes it."""

    def overtake(request):
        if request.verb == "PATCH" and request.path.endswith(CANARY):
            server.objects.pop(request.path, None)

    server.before_write = overtake

    with pytest.raises(StaleWrite, match="was changed by someone else"):
        put(store)

    assert names(server) == {"shop", "more"}


def test_every_write_is_a_new_version_and_a_writer_who_read_earlier_is_refused(store):
    first = store.read()
    second = store.write(first.files, first)
    third = store.write((), second)

    assert len({first.version, second.version, third.version}) == 3
    with pytest.raises(StaleWrite):
        store.write(with_canary(first), first)
    with pytest.raises(StaleWrite):
        store.write(with_canary(second), second)
    assert store.read() == third


def test_a_write_of_the_same_text_keeps_out_a_delete_that_was_decided_before(store, server):
    """I5: what a paused process still has to delete is not what it read any more."""
    read = put(store)
    uid_and_version = server.named(CANARY)["metadata"]["resourceVersion"]

    store.write((), read)

    assert server.named(CANARY)["metadata"]["resourceVersion"] != uid_and_version


def test_a_change_is_one_patch_and_keeps_what_others_put_on_our_object(store, server):
    put(store)
    server.edit(f"{COLLECTION}{CANARY}", lambda one: one["metadata"]["annotations"].update({"acme.example/seen": "1"}))
    uid = server.named(CANARY)["metadata"]["uid"]

    after = put(store, ONE.replace('"5"', '"50"'))

    assert '"nginx.ingress.kubernetes.io/canary-weight": "50"' in after.files[0].text
    assert store.read() == after
    assert server.named(CANARY)["metadata"]["uid"] == uid
    assert server.named(CANARY)["metadata"]["annotations"]["acme.example/seen"] == "1"


@pytest.mark.parametrize("name", ["shop", CANARY])
def test_a_persons_edit_of_either_object_is_a_conflict_and_stays(store, server, name):
    read = put(store)
    server.edit(f"{COLLECTION}{name}", lambda one: one["spec"].update(ingressClassName="theirs"))

    with pytest.raises(StaleWrite, match="shop/shop or its canary was changed"):
        store.write(with_canary(read, ""), read)

    assert server.named(name)["spec"]["ingressClassName"] == "theirs"


def test_an_object_of_that_name_that_somebody_made_is_a_conflict_and_stays(store, server):
    theirs = {**an_ingress(CANARY)}
    server.objects[f"{COLLECTION}{CANARY}"] = theirs

    with pytest.raises(StaleWrite, match=CANARY):
        put(store)

    assert server.named(CANARY) == theirs


def test_a_status_that_moves_is_no_conflict_when_a_companion_is_deleted(store, server):
    read, moved = put(store), []

    def report(request):
        if request.verb == "DELETE" and not moved:
            moved.append(request)
            server.edit(request.path, lambda one: one.update(status={"loadBalancer": {}}))

    server.before_write = report
    store.write(with_canary(read, ""), read)

    assert moved
    assert names(server) == {"shop", "more"}


@pytest.mark.parametrize("fate", ["lose", "drop"])
@pytest.mark.parametrize("at", range(6))
def test_a_write_without_an_answer_is_looked_for_and_done_once(store, server, fate, at):
    """The lost answer is that of each request in turn: of the version, of the creation, of its completion."""
    seen = []

    def fail(request):
        seen.append(request)
        if len(seen) == at + 1:
            setattr(server, fate, 1)

    server.before_write = fail

    after = put(store)
    assert store.read() == after
    gone = store.write(with_canary(after, ""), after)

    assert store.read() == gone
    assert names(server) == {"shop", "more"}


def test_a_write_that_never_gets_an_answer_has_an_unknown_outcome(store, server):
    server.drop = 50

    with pytest.raises(UnknownOutcome):
        put(store)


def test_a_companion_that_a_dead_process_left_without_a_class_is_completed(store, server):
    put(store, ONE.replace('"nginx"\n', f'"{INACTIVE_CLASS}"\n'))

    after = put(store)

    assert store.read() == after
    assert server.named(CANARY)["spec"]["ingressClassName"] == "nginx"


def test_a_write_tells_how_many_wait_behind_it_until_one_has_nobody_behind(store):
    assert store.waiting() == 0
    store.behind = 3
    read = put(store)
    assert store.waiting() == 3

    store.behind = 0
    store.write((), read)

    assert store.waiting() == 0


def test_stables_part_of_a_file_and_files_of_others_are_refused(store, server):
    read = store.read()

    with pytest.raises(Refused, match="never edited"):
        store.write((SourceFile("shop/shop", read.files[0].text.replace("nginx", "other")),), read)
    with pytest.raises(UsageFault, match="has no route shop/none"):
        store.write((SourceFile("shop/none", ""),), read)
    with pytest.raises(UsageFault, match="expected objects of kind Ingress"):
        store.write(with_canary(read, "---\nkind: Service\n"), read)
    assert server.writes == []


class Offline:
    """A check that finds nothing."""

    def check(self, before: Files, after: Files) -> Validation:
        return Validation(ok=True, checked=False)


def test_the_api_server_is_asked_about_a_creation_and_about_a_change_and_nothing_is_stored(store, server):
    checker, empty = ObjectDryRun(store, Offline()), store.read().files
    full = (*with_canary(store.read()), empty[1])

    assert checker.check(empty, full).checked
    assert [(one.verb, one.query["dryRun"]) for one in server.writes] == [("POST", "All")]
    assert names(server) == {"shop", "more"}
    put(store)
    changed = (SourceFile("shop/shop", full[0].text.replace('"5"', '"50"')), empty[1])
    assert checker.check(full, changed).checked
    assert (server.writes[-1].verb, server.writes[-1].query["dryRun"]) == ("PATCH", "All")


def test_what_the_api_server_would_refuse_is_said(store, server):
    empty = store.read().files
    server.before_write = lambda _: failure(422, "spec.rules: Required")

    said = ObjectDryRun(store, Offline()).check(empty, (*with_canary(store.read()), empty[1]))

    assert not said.ok
    assert "spec.rules: Required" in said.detail


def test_the_rights_are_those_that_the_store_uses(store, server):
    place = GatewayPlace("gateway", "app=edge", "", (), 8000, routes=RouteObjects(INGRESS, ("shop/shop", "shop/more")))
    granted = {
        (one.verb, one.namespace, one.resource)
        for one in release_permissions("shop", place, PodAccess.INSIDE)
        if one.resource in {"ingresses", "leases"} and one.name in {"", ROUTES}
    }
    read = put(store)
    put(store, ONE.replace('"5"', '"6"'))
    store.write(with_canary(read, ""), store.read())
    verbs = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}

    used = set()
    for one in server.asked:
        _, _, rest = one.path.partition("/namespaces/")
        namespace, resource, *name = rest.split("/")
        used.add((verbs.get(one.verb, "get" if name else "list"), namespace, resource))

    assert used <= granted
    assert {one for one in granted if one[2] == "ingresses"} == {one for one in used if one[2] == "ingresses"}
