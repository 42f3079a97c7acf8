"""The leak matrix: every kind of request that is nearly marked. Such a request must not reach the canary."""

from dataclasses import dataclass

from gatewayctl.domain.coverage import Coverage
from gatewayctl.domain.evidence import AttributionRule, Identity, LeakCase
from gatewayctl.domain.platform import Probe
from gatewayctl.domain.release import Release, Target
from gatewayctl.domain.routing import STAMP_HEADER

_OTHER = "gatewayctl-other"  # a value that no rule has


@dataclass(frozen=True, slots=True)
class LeakProbe:
    """One nearly marked request; `attribution` says which version gave its answer.

    Where the application need not name itself (`named` is False), an answer is a leak only if it is the canary's.
    `plain` is the same request without any mark, where a path that answers nobody is a gap of the proof. The
    application's own probe path has none: there no answer is a fault.
    """

    case: LeakCase
    label: str
    probe: Probe
    attribution: AttributionRule
    named: bool = True
    plain: Probe | None = None


def leak_probes(release: Release) -> tuple[LeakProbe, ...]:
    """The cases for the application itself."""
    plain, name, value = release.target.probe, release.header.name, release.header.value
    marks: dict[LeakCase, tuple[tuple[str, str], ...]] = {
        LeakCase.NO_HEADER: (),
        LeakCase.WRONG_VALUE: ((name, _OTHER),),
        LeakCase.EMPTY_VALUE: ((name, ""),),
        LeakCase.OTHER_CASE: ((name, value.upper()),),
        LeakCase.SENT_TWICE: ((name, _OTHER), (name, value)),
        LeakCase.COMMA_LIST: ((name, f"{_OTHER}, {value}"),),
    }
    if value.upper() == value:  # digits have no other case
        del marks[LeakCase.OTHER_CASE]
    return tuple(
        LeakProbe(case, case.value, plain.with_headers(*mark), release.attribution) for case, mark in marks.items()
    )


def route_leaks(release: Release, coverage: Coverage) -> tuple[LeakProbe, ...]:
    """A request without the header on every covered route beside the application's own probe."""
    return tuple(
        LeakProbe(
            LeakCase.NO_HEADER,
            f"{LeakCase.NO_HEADER.value} on {one.route}",
            one.probe,
            release.attribution,
            named=False,
            plain=one.probe,
        )
        for one in coverage.requests
    )


def neighbour_leaks(release: Release) -> tuple[LeakProbe, ...]:
    """Marked requests on the paths of every other application of the gateway."""
    mark = (release.header.name, release.header.value)
    return tuple(
        LeakProbe(
            LeakCase.NEIGHBOUR,
            f"{LeakCase.NEIGHBOUR} {near.app}",
            near.probe.with_headers(mark),
            AttributionRule(
                near.identify,
                Identity(near.stable, near.canary, others=_others(release, near)),
                STAMP_HEADER,
                release.stamp,
                release.stamps,
            ),
            plain=near.probe,
        )
        for near in release.neighbours
    )


def _others(release: Release, near: Target) -> tuple[str, ...]:
    """The workloads of every application of the gateway but `near`."""
    apps = (release.target, *release.neighbours)
    return tuple(name for app in apps if app.app != near.app for name in (app.stable, app.canary))
