"""Release records of earlier versions, brought to the form of today: plain data in, plain data out.

A record is `{"schema": N, "id": ID, "release": {...}}`. Schema 1 had no envelope: it was the release alone, without a
number. A version that knows only schema 1 does not find its fields in the envelope and refuses the record; had they
stayed where they were, it would resume the release without the suites that it does not see.

To change what is journaled: count SCHEMA up, write the step from the schema before into `_STEPS`, and record journals
with the version before (tests/golden/journals/README.md).
"""

from collections.abc import Callable, Mapping
from typing import Any

from gatewayctl.domain.errors import EnvironmentFailed

Data = dict[str, Any]

SCHEMA = 4


class NoRecord(ValueError):
    """Data that is no record of a release."""


class NewerSchema(EnvironmentFailed):
    """A record that a version newer than this one wrote. It is left as it is."""

    hint = "use the version of gatewayctl that wrote it, or a newer one; nothing was changed"

    def __init__(self, schema: int) -> None:
        super().__init__(f"written by a newer gatewayctl (schema {schema}, this one reads up to {SCHEMA})")


def upgrade(record: object) -> Data:
    """The release in `record`, with the fields of today's schema. Raises NewerSchema, NoRecord."""
    if not isinstance(record, Mapping):
        raise NoRecord("expected an object")
    schema = _schema_of(record)
    release = record if schema == 1 else record.get("release")
    if not isinstance(release, Mapping):
        raise NoRecord("it holds no release")
    if schema > 1 and record.get("id") != release.get("id"):
        raise NoRecord(f"the record of {record.get('id')!r} holds the release {release.get('id')!r}")
    upgraded = dict(release)
    for number in range(schema, SCHEMA):
        upgraded = _STEPS[number](upgraded)
    if "trial" not in upgraded:  # its default would be a release without suites, which promotes untested
        raise NoRecord("the release has no trial")
    return upgraded


def _schema_of(record: Mapping[str, Any]) -> int:
    schema = record.get("schema", 1)
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise NoRecord(f"expected a schema number of 1 or more, found {schema!r}")
    if schema > SCHEMA:
        raise NewerSchema(schema)
    return schema


def _hold_trial_whole(release: Data) -> Data:
    """Schema 2: suite, load and timings, which were fields of the release, are its trial."""
    moved = ("suite", "load", "timings")
    trial = {name: release[name] for name in moved if name in release}
    return {**{name: value for name, value in release.items() if name not in moved}, "trial": trial}


def _add_place(release: Data) -> Data:
    """Schema 3: a release knows its gateway's place and its container. Nobody knows those of earlier ones."""
    return {**release, "place": None, "container": None, "promote_begun": False}


def _add_ramp(release: Data) -> Data:
    """Schema 4: a release may have a ramp, and then a share of the unmarked requests, which an abort takes back first.

    An earlier version would not see the share, and stop the canary that users are sent to.
    """
    added: Data = {"share": 0, "step": 0, "step_began": 0.0, "ramped": False, "judged": None}
    trial = release.get("trial")
    if isinstance(trial, Mapping):
        added["trial"] = {**trial, "ramp": {"steps": [], "judging": None}, "promotion": "rolling"}
    return {**release, **added}


# From the schema of this number to the next.
_STEPS: dict[int, Callable[[Data], Data]] = {1: _hold_trial_whole, 2: _add_place, 3: _add_ramp}
