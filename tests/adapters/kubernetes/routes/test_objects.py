"""HTTPRoutes as a route store, against a small API server that fills in defaults, sorts keys and can lose answers."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from gatewayctl.adapters.kubernetes.client.api import UnknownOutcome, connect
from gatewayctl.adapters.kubernetes.doctor.rbac import PodAccess, release_permissions
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.routes.config_map import WRITE
from gatewayctl.adapters.kubernetes.routes.dry_run import HttpRouteDryRun
from gatewayctl.adapters.kubernetes.routes.objects import HttpRouteStore
from gatewayctl.domain.errors import EnvironmentFailed, Refused, StaleWrite, UsageFault
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.httproute.checker import HttpRouteChecker
from gatewayctl.gateways.httproute.dialect import HttpRouteDialect
from tests.adapters.kubernetes.apiserver import Asked, Reply, failure, serving
from tests.gateways.httproute.samples import a_rule

DIALECT = HttpRouteDialect()
PATH = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/"
UNKNOWN = 'strict decoding error: unknown field "spec.rules[0].name"'


def a_match(path: str) -> dict[str, Any]:
    return {"path": {"type": "PathPrefix", "value": path}}


def a_route(name: str, **metadata: Any) -> dict[str, Any]:
    """As the API server hands it out: defaults filled in, keys sorted."""
    ref = {"group": "", "kind": "Service", "port": 80, "weight": 1}
    rules = [
        {"backendRefs": [{**ref, "name": "web"}], "matches": [a_match("/")]},
        {
            "backendRefs": [{**ref, "name": "orders"}],
            "filters": [
                {
                    "type": "ResponseHeaderModifier",
                    "responseHeaderModifier": {"add": [{"name": "a", "value": "é & ü: on"}], "remove": ["b"]},
                }
            ],
            "matches": [
                {"method": "GET", **a_match("/a/é"), "headers": [{"name": "v", "type": "Exact", "value": "2"}]}
            ],
            "timeouts": {"request": "5s"},
        },
        {"backendRefs": [{**ref, "name": "orders"}], "matches": [a_match("/b"), {**a_match("/c"), "method": "PUT"}]},
    ]
    metadata = {
        "name": name,
        "namespace": "shop",
        "uid": f"u-{name}",
        "generation": 1,
        "resourceVersion": "5",
        **metadata,
    }
    spec = {"hostnames": ["shop.example"], "parentRefs": [{"name": "edge", "kind": "Gateway"}], "rules": rules}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": spec}


class Server:
    """Two routes; `meddle` is called before each patch, `lost` tells whether the next are done or dropped."""

    def __init__(self) -> None:
        self.routes = {name: a_route(name) for name in ("shop", "more")}
        self.patches: list[Asked] = []
        self.meddle: Callable[[dict[str, Any]], None] = lambda _: None
        self.lost: list[str] = []
        self.fault: Reply | None = None

    def answer(self, asked: Asked) -> Reply:
        name = asked.path.removeprefix(PATH)
        if "watch" in asked.query or name not in self.routes:
            return failure(405 if "watch" in asked.query else 404, "not here")
        if asked.verb == "GET":
            return Reply(200, self.routes[name])
        self.patches.append(asked)
        self.meddle(self.routes[name])
        fate = self.lost.pop(0) if self.lost else ""
        if fate == "dropped":
            return Reply(cut=True)
        if self.fault:
            return self.fault
        changed = patched(self.routes[name], asked.body)
        if changed is None:
            return failure(422, "the server rejected our request due to an error in our request")
        if asked.query.get("dryRun"):
            return Reply(200, changed)
        self.routes[name] = moved(changed, self.routes[name])
        return Reply(200, self.routes[name], cut=fate == "done")


def moved(changed: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """After a write: a new version, a new generation with a new spec, defaults, and keys in the server's order."""
    metadata = changed["metadata"]
    metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
    if before is not None and before["spec"] != changed["spec"]:
        metadata["generation"] += 1
    for rule in changed["spec"]["rules"]:
        for ref in rule["backendRefs"]:
            ref.update({"group": "", "kind": "Service", "weight": 1, **ref})
    return json.loads(json.dumps(changed, sort_keys=True))


def patched(found: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any] | None:
    """RFC 6902 as far as it is used; None when a test fails."""
    result = copy.deepcopy(found)
    for one in operations:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:]]
        target: Any = result
        for part in path:
            target = target[part]
        if one["op"] == "test":
            if target[last] != one["value"]:
                return None
        elif isinstance(target, list) and one["op"] == "add":
            target.insert(int(last), one["value"])
        elif one["op"] == "add":
            target[last] = one["value"]
        else:
            del target[int(last)]
    return result


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def store(server: Server, tmp_path: Any) -> Iterator[HttpRouteStore]:
    with serving(server.answer, tmp_path) as config:
        yield HttpRouteStore(connect(file=config), ("shop/shop", "shop/more"))


def routed(store: HttpRouteStore) -> tuple[Any, Any]:
    """What the store held, and what it says after the rule was written."""
    before = store.read()
    [stage] = DIALECT.insert(before.files, a_rule()).stages
    return before, store.write(stage, before)


def test_a_rule_is_written_read_back_as_the_same_bytes_and_taken_out_again(store, server):
    spec = copy.deepcopy(server.routes["shop"]["spec"])
    before, after = routed(store)
    text = DIALECT.insert(before.files, a_rule()).apply(before.files)[0].text
    rules = [rule.get("name", "") for rule in server.routes["shop"]["spec"]["rules"]]

    assert after.files[0].text == text
    assert store.read() == after
    assert DIALECT.insert(after.files, a_rule()).stages == ()
    assert rules == ["", "", "", "gatewayctl-orders-canary", "gatewayctl-orders-canary-2"]

    store.write(DIALECT.remove(after.files, "orders").stages[0], after)

    assert spec == server.routes["shop"]["spec"]
    assert store.read().files == before.files


def test_only_our_rules_travel_and_the_version_that_was_read_is_tested(store, server):
    routed(store)

    first = server.patches[0]
    assert [(one["op"], one["path"]) for one in first.body] == [
        ("test", "/metadata/resourceVersion"),
        ("add", "/metadata/annotations"),
        ("add", "/spec/rules/3"),
        ("add", "/spec/rules/3"),
    ]
    assert first.query == {"fieldValidation": "Strict"}


def test_the_text_of_a_route_is_its_data(store, server):
    file = store.read().files[0]

    assert yaml.safe_load(file.text)["spec"] == server.routes["shop"]["spec"]
    assert file.name == "shop/shop"


def test_every_write_is_a_new_version_also_of_the_same_text(store):
    before = store.read()

    same = store.write(before.files, before)
    nothing = store.write((), same)

    assert len({before.version, same.version, nothing.version}) == 3
    assert nothing.files == before.files


def test_a_writer_who_read_earlier_is_refused(store):
    early = store.read()
    later = store.write((), early)

    with pytest.raises(StaleWrite):
        store.write(DIALECT.insert(early.files, a_rule()).stages[0], early)

    assert later == store.read()


def test_a_status_that_moves_is_no_conflict(store, server):
    def report(route):
        route["status"] = {"seen": len(server.patches)}
        if len(server.patches) < 4:
            route["metadata"]["resourceVersion"] = str(int(route["metadata"]["resourceVersion"]) + 1)

    server.meddle = report
    _, after = routed(store)

    assert "gatewayctl-orders-canary" in after.files[0].text


@pytest.mark.parametrize("annotations", [{}, {"annotations": {"team": "edge"}}])
def test_a_persons_edit_in_between_is_a_conflict_and_stays(store, server, annotations):
    server.routes["shop"]["metadata"].update(annotations)

    def edit(route):
        route["spec"]["rules"][0]["backendRefs"][0]["name"] = "other"
        route["metadata"]["resourceVersion"] = "77"

    server.meddle = edit

    with pytest.raises(StaleWrite, match="shop/shop was changed by someone else"):
        routed(store)

    assert server.routes["shop"]["spec"]["rules"][0]["backendRefs"][0]["name"] == "other"
    assert len(server.routes["shop"]["spec"]["rules"]) == 3


@pytest.mark.parametrize("fate", ["done", "dropped"])
def test_a_write_without_an_answer_is_looked_for_and_done_once(store, server, fate):
    server.lost = [fate]

    _, after = routed(store)

    assert after == store.read()
    assert len(server.routes["shop"]["spec"]["rules"]) == 5


def test_a_write_that_never_gets_an_answer_is_said_to_be_uncertain(store, server):
    server.lost = ["dropped"] * 50

    with pytest.raises(UnknownOutcome):
        routed(store)


OWNED = [
    ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux"),
    ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD"),
    ({"annotations": {"meta.helm.sh/release-name": "x"}}, "Helm"),
    (
        {"managedFields": [{"manager": "edge", "operation": "Apply", "fieldsV1": {"f:spec": {"f:rules": {}}}}]},
        "server-side apply owns spec.rules",
    ),
]


@pytest.mark.parametrize(("metadata", "owner"), OWNED)
def test_what_others_own_is_refused_before_the_first_write_and_its_file_is_named_as_the_way(
    store, server, metadata, owner
):
    server.routes["more"]["metadata"].update(metadata)

    with pytest.raises(Refused, match=re.escape(owner)) as caught:
        routed(store)

    assert server.patches == []
    assert "gatewayctl rule add" in caught.value.hint


def test_a_route_that_came_under_an_owner_later_can_still_be_cleaned(store, server):
    _, after = routed(store)
    server.routes["shop"]["metadata"]["annotations"]["meta.helm.sh/release-name"] = "x"

    cleaned = store.write(DIALECT.remove(after.files, "orders").stages[0], after)

    assert "gatewayctl" not in cleaned.files[0].text
    assert WRITE in server.routes["shop"]["metadata"]["annotations"]


def test_a_server_side_apply_that_owns_something_else_is_no_matter(store, server):
    fields = {"f:metadata": {"f:labels": {}}}
    server.routes["shop"]["metadata"]["managedFields"] = [{"operation": "Apply", "fieldsV1": fields}]

    assert "no gateway has looked at it yet" in store.check()


def parents(*conditions):
    listed = [{"type": kind, "status": status, "reason": "Why"} for kind, status in conditions]
    return {"parents": [{"parentRef": {"name": "edge"}, "conditions": listed}]}


def test_what_the_gateways_controller_says_is_shown_and_a_route_that_nobody_takes_is_a_fault(store, server):
    server.routes["shop"]["status"] = parents(("Accepted", "True"), ("ResolvedRefs", "False"))
    assert "HTTPRoute shop/shop, accepted by edge, not every backend was found (Why)" in store.check()

    server.routes["shop"]["status"] = parents(("Accepted", "False"))
    with pytest.raises(EnvironmentFailed, match="not accepted by edge"):
        store.check()


def test_a_status_of_before_the_last_change_says_nothing(store, server):
    server.routes["shop"]["status"] = parents(("Accepted", "False"))
    server.routes["shop"]["status"]["parents"][0]["conditions"][0]["observedGeneration"] = 0

    assert "not looked at by edge since its last change" in store.check()


def test_a_route_that_is_not_there_and_one_that_is_not_ours_are_told(store, server):
    read = store.read()
    with pytest.raises(UsageFault, match="no route shop/else"):
        store.write((SourceFile("shop/else", ""),), read)

    del server.routes["more"]
    with pytest.raises(EnvironmentFailed, match="no HTTPRoute shop/more"):
        store.read()


def test_more_than_rules_is_never_written(store, server):
    read = store.read()
    file = SourceFile("shop/shop", read.files[0].text.replace("shop.example", "other.example"))

    with pytest.raises(Refused, match="only the rules"):
        store.write((file,), read)

    assert server.patches == []


def test_the_api_server_is_asked_before_anything_is_written(store, server):
    files = store.read().files
    after = DIALECT.insert(files, a_rule()).apply(files)
    spec = copy.deepcopy(server.routes["shop"]["spec"])

    said = HttpRouteDryRun(store, HttpRouteChecker()).check(files, after)

    assert (said.ok, said.checked) == (True, True)
    assert [one.query for one in server.patches] == [{"fieldValidation": "Strict", "dryRun": "All"}] * 2
    assert spec == server.routes["shop"]["spec"]


@pytest.mark.parametrize(
    ("status", "message"), [(422, "spec.rules: Too many"), (400, UNKNOWN), (403, "webhook says no")]
)
def test_what_the_api_server_would_refuse_is_not_written(store, server, status, message):
    files = store.read().files
    server.fault = failure(status, message)

    said = HttpRouteDryRun(store, HttpRouteChecker()).check(files, DIALECT.insert(files, a_rule()).apply(files))

    assert (said.ok, said.checked) == (False, True)
    assert message in said.detail


def test_old_crds_without_rule_names_are_refused_with_what_to_do(store, server):
    server.fault = failure(400, UNKNOWN)

    with pytest.raises(Refused, match="unknown field") as caught:
        routed(store)

    assert "update the Gateway API's CRDs" in caught.value.hint


def test_the_rights_of_routes_as_objects_are_theirs_by_name_and_no_configmaps():
    place = GatewayPlace("gateway", "app=edge", "", (), 8000, routes=("shop/a", "web/b"))

    needed = release_permissions("shop", place, PodAccess.INSIDE)

    routes = [(one.verb, one.namespace, one.name) for one in needed if one.resource == "httproutes"]
    assert routes == [(verb, *at) for at in (("shop", "a"), ("web", "b")) for verb in ("get", "watch", "patch")]
    assert [one.verb for one in needed if one.namespace == "gateway"] == ["list", "watch"]
