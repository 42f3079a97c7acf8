"""API objects as a route store, against a small API server that fills in defaults, sorts keys and can lose answers.

Every test runs on each of the sample resources.
"""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewayctl.adapters.kubernetes.client.api import ApiFault, UnknownOutcome, connect
from gatewayctl.adapters.kubernetes.client.names import WRITE
from gatewayctl.adapters.kubernetes.doctor.rbac import PodAccess, release_permissions
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace, RouteObjects
from gatewayctl.adapters.kubernetes.routes.dry_run import ObjectDryRun
from gatewayctl.adapters.kubernetes.routes.objects import ObjectRouteStore
from gatewayctl.domain.errors import EnvironmentFailed, Refused, StaleWrite, UsageFault
from gatewayctl.domain.routing import SourceFile
from tests.adapters.kubernetes.fake_api.http import failure, serving
from tests.adapters.kubernetes.fake_api.server import FakeApiServer
from tests.adapters.kubernetes.routes.object_server import route_server
from tests.adapters.kubernetes.routes.samples import SAMPLES, Sample
from tests.gateways.httproute.samples import a_rule

UNKNOWN = 'strict decoding error: unknown field "spec.rules[0].name"'


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.resource.kind)
def sample(request: pytest.FixtureRequest) -> Sample:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def server(sample: Sample) -> FakeApiServer:
    return route_server(sample)


@pytest.fixture
def store(server: FakeApiServer, sample: Sample, tmp_path: Path) -> Iterator[ObjectRouteStore]:
    with serving(server.answer, tmp_path) as config:
        yield ObjectRouteStore(connect(file=config), RouteObjects(sample.resource, ("shop/shop", "shop/more")))


def write_rule(store: ObjectRouteStore, sample: Sample) -> tuple[Any, Any]:
    """What the store held, and what it says after the rule was written."""
    before = store.read()
    [stage] = sample.dialect.insert(before.files, a_rule()).stages
    return before, store.write(stage, before)


def test_a_rule_is_written_read_back_as_the_same_bytes_and_taken_out_again(store, server, sample):
    spec = copy.deepcopy(server.named("shop")["spec"])
    before, after = write_rule(store, sample)
    text = sample.dialect.insert(before.files, a_rule()).apply(before.files)[0].text
    rules = [rule.get(sample.name_key, "") for rule in sample.rules(server.named("shop"))]

    assert after.files[0].text == text
    assert store.read() == after
    assert sample.dialect.insert(after.files, a_rule()).stages == ()
    assert tuple(rules) == sample.names

    store.write(sample.dialect.remove(after.files, "orders").stages[0], after)

    assert spec == server.named("shop")["spec"]
    assert store.read().files == before.files


def test_only_our_rules_travel_and_the_version_that_was_read_is_tested(store, server, sample):
    write_rule(store, sample)

    first = server.writes[0]
    assert [(one["op"], one["path"]) for one in first.body] == [
        ("test", "/metadata/resourceVersion"),
        ("add", "/metadata/annotations"),
        *(("add", path) for path in sample.added),
    ]
    assert first.query == {"fieldValidation": "Strict"}


def test_a_write_tells_how_many_wait_behind_it_until_one_has_nobody_behind(store, server, sample):
    assert store.waiting() == 0
    store.behind = 3
    _, written = write_rule(store, sample)
    assert store.waiting() == 3

    store.behind = 0
    store.write((), written)

    assert store.waiting() == 0
    notes = [server.named(name)["metadata"]["annotations"] for name in ("shop", "more")]
    assert [set(one) for one in notes] == [{"gatewayctl.dev/write"}] * 2


def test_the_text_of_a_route_is_its_data(store, server):
    file = store.read().files[0]

    assert yaml.safe_load(file.text)["spec"] == server.named("shop")["spec"]
    assert file.name == "shop/shop"


def test_every_write_is_a_new_version_also_of_the_same_text(store):
    before = store.read()

    same = store.write(before.files, before)
    nothing = store.write((), same)

    assert len({before.version, same.version, nothing.version}) == 3
    assert nothing.files == before.files


def test_a_writer_who_read_earlier_is_refused(store, sample):
    early = store.read()
    later = store.write((), early)

    with pytest.raises(StaleWrite):
        store.write(sample.dialect.insert(early.files, a_rule()).stages[0], early)

    assert later == store.read()


def test_a_status_that_moves_is_no_conflict(store, server, sample):
    def report(_):
        route = server.named("shop")
        route["status"] = {"seen": len(server.writes)}
        if len(server.writes) < 4:
            route["metadata"]["resourceVersion"] = str(int(route["metadata"]["resourceVersion"]) + 1)

    server.before_write = report
    _, after = write_rule(store, sample)

    assert "gatewayctl-orders-canary" in after.files[0].text


@pytest.mark.parametrize("annotations", [{}, {"annotations": {"team": "edge"}}])
def test_a_persons_edit_in_between_is_a_conflict_and_stays(store, server, annotations, sample):
    server.named("shop")["metadata"].update(annotations)

    def edit(_):
        route = server.named("shop")
        sample.backend(sample.rules(route)[0])[sample.backend_key] = "other"
        route["metadata"]["resourceVersion"] = "77"

    server.before_write = edit

    with pytest.raises(StaleWrite, match="shop/shop was changed by someone else"):
        write_rule(store, sample)

    assert sample.backend(sample.rules(server.named("shop"))[0])[sample.backend_key] == "other"
    assert len(sample.rules(server.named("shop"))) == 3


@pytest.mark.parametrize("fate", ["lose", "drop"])
def test_a_write_without_an_answer_is_looked_for_and_done_once(store, server, fate, sample):
    setattr(server, fate, 1)

    _, after = write_rule(store, sample)

    assert after == store.read()
    assert len(sample.rules(server.named("shop"))) == 5


def test_a_write_that_never_gets_an_answer_has_an_unknown_outcome(store, server, sample):
    server.drop = 50

    with pytest.raises(UnknownOutcome):
        write_rule(store, sample)


OWNED = [
    ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux"),
    ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD"),
    ({"annotations": {"meta.helm.sh/release-name": "x"}}, "Helm"),
]


@pytest.mark.parametrize(("metadata", "owner"), OWNED)
def test_what_others_own_is_refused_before_the_first_write_and_its_file_is_named_as_the_way(
    store, server, metadata, owner, sample
):
    server.named("more")["metadata"].update(metadata)

    with pytest.raises(Refused, match=re.escape(owner)) as caught:
        write_rule(store, sample)

    assert server.writes == []
    assert "gatewayctl rule add" in caught.value.hint


def test_rules_that_a_server_side_apply_owns_are_its_appliers(store, server, sample):
    entry = {"manager": "edge", "operation": "Apply", "fieldsV1": sample.owned_fields()}
    server.named("more")["metadata"]["managedFields"] = [entry]

    with pytest.raises(Refused, match=f"server-side apply owns {'.'.join(sample.resource.rules)}"):
        write_rule(store, sample)

    assert server.writes == []


def test_a_route_that_came_under_an_owner_later_can_still_be_cleaned(store, server, sample):
    _, after = write_rule(store, sample)
    server.named("shop")["metadata"]["annotations"]["meta.helm.sh/release-name"] = "x"

    cleaned = store.write(sample.dialect.remove(after.files, "orders").stages[0], after)

    assert "gatewayctl" not in cleaned.files[0].text
    assert WRITE in server.named("shop")["metadata"]["annotations"]


def test_a_rule_whose_mark_was_dropped_by_an_owner_can_still_be_cleaned(store, server, sample):
    """k09: the object was replaced under an owner's mark, without our annotation."""
    write_rule(store, sample)
    metadata = server.named("shop")["metadata"]
    metadata["annotations"] = {"meta.helm.sh/release-name": "x"}
    read = store.read()

    cleaned = store.write(sample.dialect.remove(read.files, "orders").stages[0], read)

    assert "gatewayctl" not in cleaned.files[0].text


def test_a_server_side_apply_that_owns_other_fields_does_not_matter(store, server):
    fields = {"f:metadata": {"f:labels": {}}}
    server.named("shop")["metadata"]["managedFields"] = [{"operation": "Apply", "fieldsV1": fields}]

    assert "no gateway has looked at it yet" in store.check()


def test_the_reports_of_gateways_are_shown_and_a_route_that_no_gateway_accepts_raises(store, server, sample):
    acceptance = sample.resource.acceptance
    server.named("shop")["status"] = sample.status((acceptance.accepted, "True"), (acceptance.resolved, "False"))
    unresolved = ", not every backend was found (Why)" if acceptance.resolved else ""
    assert f"{sample.resource.kind} shop/shop, accepted by edge{unresolved}; " in f"{store.check()}; "

    server.named("shop")["status"] = sample.status((acceptance.accepted, "False"))
    with pytest.raises(EnvironmentFailed, match="not accepted by edge"):
        store.check()


def test_a_gateway_whose_name_sounds_like_a_refusal_still_takes_the_route(store, server, sample):
    status = json.dumps(sample.status((sample.resource.acceptance.accepted, "True")))
    server.named("shop")["status"] = json.loads(status.replace('"edge"', '"not accepted by anybody"'))

    assert "accepted by not accepted by anybody" in store.check()


def test_a_status_from_before_the_last_change_does_not_count(store, server, sample):
    server.named("shop")["status"] = sample.status((sample.resource.acceptance.accepted, "False"))
    [report] = server.named("shop")["status"][sample.resource.acceptance.reports[1]]
    report["conditions"][0]["observedGeneration"] = 0

    assert "not looked at by edge since its last change" in store.check()


def test_a_route_that_is_not_there_and_one_that_is_not_ours_raise(store, server, sample):
    read = store.read()
    with pytest.raises(UsageFault, match="no route shop/else"):
        store.write((SourceFile("shop/else", ""),), read)

    del server.objects[f"{sample.collection}more"]
    with pytest.raises(EnvironmentFailed, match=f"no {sample.resource.kind} shop/more"):
        store.read()


def test_more_than_rules_is_never_written(store, server):
    read = store.read()
    file = SourceFile("shop/shop", read.files[0].text.replace("shop.example", "other.example"))

    with pytest.raises(Refused, match="only the rules"):
        store.write((file,), read)

    assert server.writes == []


def test_the_api_server_is_asked_before_anything_is_written(store, server, sample):
    files = store.read().files
    after = sample.dialect.insert(files, a_rule()).apply(files)
    spec = copy.deepcopy(server.named("shop")["spec"])

    said = ObjectDryRun(store, sample.checker).check(files, after)

    assert (said.ok, said.checked) == (True, True)
    assert [one.query for one in server.writes] == [{"fieldValidation": "Strict", "dryRun": "All"}] * 2
    assert spec == server.named("shop")["spec"]


@pytest.mark.parametrize(
    ("status", "message", "fields"),
    [
        (422, "spec.rules: Too many", ("spec.rules",)),
        (422, UNKNOWN, ("patch",)),
        (400, UNKNOWN, ()),
        (403, "webhook says no", ()),
    ],
)
def test_what_the_api_server_would_refuse_is_not_written(store, server, status, message, fields, sample):
    files = store.read().files
    server.before_write = lambda _: failure(status, message, *fields)

    said = ObjectDryRun(store, sample.checker).check(files, sample.dialect.insert(files, a_rule()).apply(files))

    assert (said.ok, said.checked) == (False, True)
    assert message in said.detail


def test_old_crds_without_rule_names_are_refused_with_what_to_do(store, server, sample):
    server.before_write = lambda _: failure(422, UNKNOWN, "patch")

    with pytest.raises(Refused, match="unknown field") as caught:
        write_rule(store, sample)

    assert caught.value.hint == sample.resource.unknown_field_hint


def test_a_field_that_is_invalid_for_another_reason_is_not_blamed_on_old_crds(store, server, sample):
    server.before_write = lambda _: failure(422, 'spec.rules[0].name: "unknown field" is no name', "spec.rules[0].name")

    with pytest.raises(ApiFault, match="is no name") as caught:
        write_rule(store, sample)

    assert "CRD" not in caught.value.hint


def test_the_rights_of_routes_as_objects_are_theirs_by_name_and_no_configmaps(sample):
    place = GatewayPlace("gateway", "app=edge", "", (), 8000, routes=RouteObjects(sample.resource, ("shop/a", "web/b")))

    needed = release_permissions("shop", place, PodAccess.INSIDE)

    routes = [(one.verb, one.namespace, one.name) for one in needed if one.resource == sample.resource.plural]
    groups = {one.group for one in needed if one.resource == sample.resource.plural}
    assert groups == {sample.resource.group}
    assert routes == [(verb, *at) for at in (("shop", "a"), ("web", "b")) for verb in ("get", "watch", "patch")]
    assert [(one.resource, one.verb) for one in needed if one.namespace == "gateway"] == [
        *(("pods", verb) for verb in ("list", "watch")),
        *(("leases", verb) for verb in ("get", "patch", "create")),
    ]
