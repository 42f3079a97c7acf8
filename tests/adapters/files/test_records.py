"""Records of releases: every release survives, those of earlier schemas too, and what is no record is refused."""

import json
import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.adapters.files.records import (
    decode,
    release_from_data,
    release_from_json,
    release_to_data,
    release_to_json,
)
from gatewayctl.adapters.files.upgrades import SCHEMA, NewerSchema, upgrade
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.place import GatewayLocation
from gatewayctl.domain.ramp import Promotion, Ramp
from gatewayctl.domain.release import Mode, Note, Outcome, Phase, Release, Target
from gatewayctl.domain.routing import Header
from gatewayctl.domain.trial import Load, Suite, Timings, Trial
from tests.contract.releases import a_release

# Half of a surrogate pair is no text that JSON can carry.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
names = st.text(string.ascii_lowercase, min_size=1, max_size=4)
seconds = st.floats(0, 1e10)
counts = st.integers(0, 1000)
targets = st.builds(
    Target,
    app=names,
    stable=names,
    canary=names,
    service=names,
    canary_service=names,
    identify=st.builds(Identify, texts, texts),
    host=texts,
    path=texts,
    canary_host=texts,
    headers=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
    fallback=st.booleans(),
    canary_uri=texts,
)
loads = st.builds(
    Load, texts, counts, seconds, seconds, slower=seconds, slack=seconds, more_errors=seconds, samples=counts
)
trials = st.builds(
    Trial,
    suite=st.none() | st.builds(Suite, texts, seconds, counts),
    load=st.none() | loads,
    timings=st.builds(Timings, seconds, seconds, seconds, seconds),
)
notes = st.builds(Note, st.sampled_from(Phase), st.sampled_from("✓✗?–"), texts, seconds, seconds, texts)
releases = st.builds(
    Release,
    id=texts,
    target=targets,
    header=st.builds(Header, st.just("x-canary"), names.filter(lambda name: name not in ("default", "include"))),
    image=texts,
    before=texts,
    canary_before=texts,
    mode=st.sampled_from(Mode),
    created=seconds,
    expires=seconds,
    actor=texts,
    standing=st.booleans(),
    rule_was_there=st.booleans(),
    trial=trials,
    neighbours=st.lists(targets, max_size=1).map(tuple),
    phase=st.sampled_from(Phase),
    outcome=st.sampled_from(Outcome),
    reason=texts,
    stuck=texts,
    tested=st.booleans(),
    notes=st.lists(notes, max_size=2).map(tuple),
    place=st.none() | st.builds(GatewayLocation, texts, texts, texts, st.lists(texts, max_size=2).map(tuple)),
    container=st.none() | texts,
    promote_begun=st.booleans(),
)


def third_schema(release: Release) -> dict[str, Any]:
    """The record that versions with schema 3 wrote: a release had no ramp."""
    record = release_to_data(release)
    for name in ("share", "step", "step_began", "ramped", "judged"):
        del record["release"][name]
    for name in ("ramp", "promotion"):
        del record["release"]["trial"][name]
    return {**record, "schema": 3}


def second_schema(release: Release) -> dict[str, Any]:
    """The record that versions with schema 2 wrote: a release did not know its gateway's place."""
    record = third_schema(release)
    for name in ("place", "container", "promote_begun"):
        del record["release"][name]
    return {**record, "schema": 2}


def first_schema(release: Release) -> dict[str, Any]:
    """The record that versions without a schema number wrote: the release alone, its trial as three fields."""
    whole = second_schema(release)["release"]
    trial = whole.pop("trial")
    return {**whole, **trial}


def without_place(release: Release) -> Release:
    """What a version before schema 3 knew of a release."""
    return replace(without_ramp(release), place=None, container=None, promote_begun=False)


def without_ramp(release: Release) -> Release:
    """What a version before schema 4 knew of a release."""
    trial = replace(release.trial, ramp=Ramp(), promotion=Promotion.ROLLING)
    return replace(release, trial=trial, share=0, step=0, step_began=0.0, ramped=False, judged=None)


@given(releases)
def test_a_release_is_what_it_was_after_its_record(release):
    assert release_from_json(release_to_json(release), "here") == release
    assert decode(json.loads(json.dumps(release_to_data(release)))) == release


@given(releases)
def test_a_release_of_an_earlier_schema_is_what_it_was(release):
    for old, wanted in (
        (first_schema(release), without_place(release)),
        (second_schema(release), without_place(release)),
        (third_schema(release), without_ramp(release)),
    ):
        assert decode(json.loads(json.dumps(old))) == wanted
        assert upgrade(old) == release_to_data(wanted)["release"]


def test_a_release_of_the_first_schema_without_suites_gets_the_defaults_that_it_had():
    old = first_schema(a_release())
    for name in ("suite", "load", "timings"):
        del old[name]

    assert decode(old).trial == Trial()


def test_an_upgrade_leaves_the_record_as_it_is():
    old = first_schema(a_release())
    before = json.dumps(old)

    upgrade(old)

    assert json.dumps(old) == before


def test_a_version_that_knows_only_the_first_schema_does_not_take_a_record_for_a_release():
    required = {"target", "header", "image", "before", "canary_before", "mode", "created", "expires", "actor"}

    assert not required & set(release_to_data(a_release()))


def test_a_record_of_a_newer_version_is_refused_by_name():
    record = {**release_to_data(a_release()), "schema": SCHEMA + 1}

    with pytest.raises(NewerSchema, match="written by a newer gatewayctl"):
        decode(record)
    with pytest.raises(EnvironmentFailed, match=f"here: written by a newer gatewayctl .schema {SCHEMA + 1}") as caught:
        release_from_data(record, "here")
    assert "use the version" in caught.value.hint


def test_a_record_without_its_trial_is_no_release_that_could_be_promoted_untested():
    record = release_to_data(a_release())
    del record["release"]["trial"]

    with pytest.raises(EnvironmentFailed, match=r"here: not a release .*: the release has no trial"):
        release_from_data(record, "here")


def test_a_record_that_holds_another_release_than_it_says_is_a_fault():
    record = {**release_to_data(a_release()), "id": "r-other"}

    with pytest.raises(EnvironmentFailed, match="the record of 'r-other' holds the release"):
        release_from_data(record, "here")


@pytest.mark.parametrize(
    "record",
    [None, [], "r-1", {}, {"schema": 2}, {"schema": 2, "release": []}, {"schema": 3, "release": []}]
    + [{**release_to_data(a_release()), "schema": schema} for schema in (0, -1, True, "2", 1.5, None, 1)],
    ids=str,
)
def test_what_is_no_record_is_a_fault_that_says_where_it_was_found(record):
    with pytest.raises(EnvironmentFailed, match="here: not a release that this version can read"):
        release_from_data(record, "here")
