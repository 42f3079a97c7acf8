"""The table of permissions: what the manifests grant, what the adapters need, how the API server's rules are read."""

import ast
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gatewayctl.adapters.kubernetes.client import paths
from gatewayctl.adapters.kubernetes.client.api import Api, Object, connect
from gatewayctl.adapters.kubernetes.doctor.checks import KubernetesChecks
from gatewayctl.adapters.kubernetes.doctor.rbac import (
    Permission,
    PodAccess,
    exec_permissions,
    find_missing,
    job_permissions,
    load_permissions,
    metrics_permissions,
    release_permissions,
)
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace, RouteObjects
from gatewayctl.domain.platform import Check
from gatewayctl.gateways.httproute.resource import HTTPROUTE
from tests.adapters.kubernetes.fake_api.http import Reply, Request, serving

ROOT = Path(__file__).parents[4]
PLACE = GatewayPlace("gateway", "app=gateway", "gateway-routes", ("rds.yaml",), 8000, 9901)
NEEDED = release_permissions("shop", PLACE, PodAccess.OUTSIDE)
OBJECTS = release_permissions("shop", replace(PLACE, routes=RouteObjects(HTTPROUTE, ("shop/shop",))), PodAccess.OUTSIDE)
Grant = tuple[str, str, str, str, str]


def read_grants(file: str = "rbac.yaml") -> list[Grant]:
    """Every verb that the manifest grants."""
    objects = list(yaml.safe_load_all((ROOT / "manifests" / file).read_text()))
    return [
        (one["metadata"]["namespace"], group, resource, verb, name)
        for one in objects
        if one["kind"] == "Role"
        for rule in one["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    ]


def test_the_manifest_grants_the_table_and_nothing_else() -> None:
    table = [
        (permission.namespace, permission.group, permission.resource, permission.verb, permission.name)
        for permission in NEEDED
    ]

    assert sorted(read_grants()) == sorted(table)
    assert len(set(table)) == len(table)


def test_where_routes_are_objects_another_manifest_takes_the_place_of_the_gateways_part() -> None:
    table = [
        (permission.namespace, permission.group, permission.resource, permission.verb, permission.name)
        for permission in OBJECTS
    ]
    usual = [grant for grant in read_grants() if grant[0] == "shop"]

    assert sorted([*usual, *read_grants("rbac-httproute.yaml")]) == sorted(table)


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("submitter.yaml", job_permissions("shop")),
        ("rbac-load.yaml", load_permissions("shop")),
        ("rbac-exec.yaml", exec_permissions(PLACE)),
        ("rbac-metrics.yaml", metrics_permissions("shop")),
    ],
)
def test_what_is_needed_only_sometimes_is_granted_and_nothing_else(file: str, table: tuple[Permission, ...]) -> None:
    wanted = [
        (permission.namespace, permission.group, permission.resource, permission.verb, permission.name)
        for permission in table
    ]

    assert sorted(read_grants(file)) == sorted(wanted)


def test_the_manifest_binds_each_role_to_the_account_of_a_release() -> None:
    objects = list(yaml.safe_load_all((ROOT / "manifests" / "rbac.yaml").read_text()))
    bindings = [one for one in objects if one["kind"] == "RoleBinding"]
    roles = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in objects if one["kind"] == "Role"}

    assert [one["kind"] for one in objects].count("ServiceAccount") == 1
    assert {(one["metadata"]["namespace"], one["roleRef"]["name"]) for one in bindings} == roles
    assert all(
        one["subjects"] == [{"kind": "ServiceAccount", "name": "gatewayctl", "namespace": "shop"}] for one in bindings
    )


def test_every_kind_of_object_that_an_adapter_reaches_for_is_in_the_table() -> None:
    folder = ROOT / "gatewayctl" / "adapters" / "kubernetes"
    used = {
        alias.name
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == paths.__name__
        for alias in node.names
    } - {"own_review", "custom_objects"}  # what custom objects there are is said by the gateway's product
    assert len(used) > 10
    reached = {getattr(paths, name)("shop") for name in used}
    every = (*NEEDED, *OBJECTS, *job_permissions("shop"), *load_permissions("shop"), *metrics_permissions("shop"))
    table = {paths._in(f"{r.group}/v1" if r.group else "v1", "shop", r.resource.partition("/")[0], "") for r in every}

    assert {re.sub("/v(2|1beta1)/", "/v1/", path) for path in reached} <= table


def test_inside_of_the_cluster_nothing_is_forwarded() -> None:
    inside = release_permissions("shop", PLACE, PodAccess.INSIDE)

    assert {permission.resource for permission in set(NEEDED) - set(inside)} == {"pods/portforward"}
    assert set(inside) < set(NEEDED)


def test_a_permission_reads_as_a_sentence() -> None:
    assert str(Permission("", "configmaps", "patch", "gateway", "to add rules", "gateway-routes")) == (
        "patch configmaps gateway-routes in gateway (to add rules)"
    )
    assert str(Permission("apps", "deployments", "get", "shop", "why")) == "get deployments.apps in shop (why)"


class ReviewServer:
    """Answers reviews: `rules` of every namespace, and `allowed` verbs where it is asked one by one."""

    def __init__(self, rules: list[Object], *, incomplete: object = False, allowed: str = "") -> None:
        self.status = {"resourceRules": rules, "incomplete": incomplete}
        self.allowed, self.asked = allowed, list[Request]()

    def answer(self, asked: Request) -> Reply:
        self.asked.append(asked)
        if asked.path.endswith("selfsubjectrulesreviews"):
            return Reply(201, {"status": self.status})
        return Reply(201, {"status": {"allowed": asked.body["spec"]["resourceAttributes"]["verb"] == self.allowed}})


class Connections:
    """Opens clients of review servers, and closes them after the test."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder

    def open(self, server: ReviewServer) -> Api:
        api = connect(file=self._stack.enter_context(serving(server.answer, self._folder)))
        self._stack.callback(api.client.rest_client.close)
        return api


@pytest.fixture
def connections(tmp_path: Path) -> Iterator[Connections]:
    with ExitStack() as stack:
        yield Connections(stack, tmp_path)


def rule(verbs: str, groups: str, resources: str, *names: str) -> Object:
    return {
        "verbs": verbs.split(),
        "apiGroups": groups.split(",") if groups else [""],
        "resources": resources.split(),
        **({"resourceNames": list(names)} if names else {}),
    }


LOG = Permission("", "pods/log", "get", "shop", "")
ROUTES = Permission("", "configmaps", "patch", "gateway", "", "gateway-routes")
JOURNAL = Permission("", "configmaps", "update", "shop", "")


@pytest.mark.parametrize(
    ("permission", "found", "has"),
    [
        (LOG, rule("get list", "", "pods pods/log"), True),
        (LOG, rule("*", "*", "*"), True),
        (LOG, rule("get", "", "*/log"), True),
        (LOG, rule("get", "", "pods"), False),
        (LOG, rule("get", "", "pods/*"), False),
        (LOG, rule("list", "", "pods/log"), False),
        (LOG, rule("get", "apps", "pods/log"), False),
        (LOG, {}, False),
        (LOG, {"verbs": "get", "apiGroups": None, "resources": 7}, False),
        (ROUTES, rule("patch", "", "configmaps", "gateway-routes"), True),
        (ROUTES, rule("patch", "", "configmaps"), True),
        (ROUTES, rule("patch", "", "configmaps", "others"), False),
        (JOURNAL, rule("update", "", "configmaps", "gateway-routes"), False),
        (JOURNAL, rule("update", "", "*"), True),
    ],
)
def test_rules_are_read_as_the_api_server_reads_them(
    connections: Connections, permission: Permission, found: Object, has: bool
) -> None:
    server = ReviewServer([rule("get", "", "secrets"), found])

    assert find_missing(connections.open(server), [permission]) == (() if has else (permission,))
    assert len(server.asked) == 1


def test_a_whole_table_costs_one_request_per_namespace(connections: Connections) -> None:
    server = ReviewServer([rule("*", "*", "*")])

    assert find_missing(connections.open(server), NEEDED) == ()
    assert sorted(one.body["spec"]["namespace"] for one in server.asked) == ["gateway", "shop"]


def test_an_account_without_rules_misses_the_whole_table_in_its_order(connections: Connections) -> None:
    assert find_missing(connections.open(ReviewServer([])), NEEDED) == NEEDED


@pytest.mark.parametrize("incomplete", [True, None, "perhaps"])
def test_what_an_incomplete_answer_leaves_out_is_asked_one_by_one(connections: Connections, incomplete: object) -> None:
    create = replace(JOURNAL, verb="create")
    server = ReviewServer([rule("patch", "", "configmaps")], incomplete=incomplete, allowed="update")

    assert find_missing(connections.open(server), [ROUTES, JOURNAL, create, LOG]) == (create, LOG)
    single = [one.body["spec"]["resourceAttributes"] for one in server.asked if one.path.endswith("accessreviews")]
    assert [one["verb"] for one in single] == ["update", "create", "get"]
    assert (single[2]["resource"], single[2]["subresource"]) == ("pods", "log")


def test_rights_for_turns_are_no_condition_but_a_warning(connections: Connections) -> None:
    """Who has not yet applied the Role again can release all the same."""
    needed = [one for one in NEEDED if not one.optional]
    rules = [rule(one.verb, one.group, one.resource, *filter(None, [one.name])) for one in needed]

    check = rights_of(connections.open(ReviewServer(rules)))

    assert check.fault is None
    assert "without patch leases.coordination.k8s.io gatewayctl-turns in gateway" in check.detail
    assert "manifests/rbac.yaml" in check.hint


def test_all_rights_are_no_warning_and_a_missing_one_is_a_fault(connections: Connections) -> None:
    check = rights_of(connections.open(ReviewServer([rule("*", "*", "*")])))
    assert (check.fault, check.hint, check.detail) == (None, "", f"all {len(NEEDED)} that a release needs")

    lacking = rights_of(connections.open(ReviewServer([rule("*", "coordination.k8s.io", "leases")])))
    assert lacking.fault is not None
    assert "rights are missing: get deployments.apps in shop" in lacking.detail


def rights_of(api: Api) -> Check:
    """The check of our rights alone."""
    return KubernetesChecks(api, "shop", NEEDED, (), lambda _: {}, {}).check_rights()
