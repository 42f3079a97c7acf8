"""Rules that would take the canary's requests, and rules that the canary's would take requests from.

A longer path or a method decides before headers do, and the canary's matches have the same ones as stable's. Among
matches with the same path and method, one more header changes which rule wins: that is checked here, for all routes
given.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.httproute.conditions import EVERY_REQUEST
from gatewayctl.gateways.httproute.locate import HttpRouteRule
from gatewayctl.gateways.httproute.matches import HttpRouteMatch

_SHOWN = 20
_Header = tuple[str, str]  # its name, and its exact value
_SHARE = EVERY_REQUEST.name, ""
_Index = dict[tuple[str, str, str], list["_RuleMatch"]]


@dataclass(frozen=True, slots=True, eq=False)
class _RuleMatch:
    """One match of a rule."""

    rule: HttpRouteRule
    match: HttpRouteMatch


@dataclass(frozen=True, slots=True, eq=False)
class _Competitor:
    """A rule that competes with the canary's copy of `target`.

    `wins` if it gets requests that both match; `covers` if it matches every request that the canary's match does.
    """

    target: HttpRouteRule
    rule: HttpRouteRule
    match: HttpRouteMatch
    wins: bool
    covers: bool = False


def refuse_outranked(rules: Iterable[HttpRouteRule], targets: Sequence[HttpRouteRule], wanted: CanaryRule) -> None:
    """Raise Refused if another rule gets all requests of one of the canary's matches."""
    for one in _find_competitors(rules, targets, wanted, _mark(wanted)):
        if one.wins and one.covers:
            owner = f"the rule {one.rule.name}" if one.rule.name else "another rule"
            raise one.rule.route.fragment.refusal(
                one.rule.node,
                f"{owner} already takes requests with {wanted.header} from the rule on line {one.target.line}",
                hint="choose another header or value for this canary, or remove that rule",
            )


def refuse_thefts(rules: Iterable[HttpRouteRule], targets: Sequence[HttpRouteRule], wanted: CanaryRule) -> None:
    """Raise Refused if the rule of a share may get requests that are not stable's: those of another rule."""
    for one in _find_competitors(rules, targets, wanted, _SHARE):
        if not one.wins:
            raise one.rule.route.fragment.refusal(
                one.rule.node,
                f"a share would also take requests that are for this rule ({one.match}), not for the one on line "
                f"{one.target.line}: it needs one header more than that one",
                hint="no ramp is possible with these two rules; let this one require a header or a longer path",
            )


def note_losers(
    rules: Iterable[HttpRouteRule], targets: Sequence[HttpRouteRule], wanted: CanaryRule
) -> tuple[str, ...]:
    """A note for each rule that loses requests with the canary's header to the canary; it keeps all others."""
    notes = (
        f"{one.rule.route.fragment.file}:{one.rule.line}: requests with {wanted.header} that also match this rule "
        f"({one.match}) go to {wanted.canary}: one more header outranks it"
        for one in _find_competitors(rules, targets, wanted, _mark(wanted))
        if not one.wins
    )
    return tuple(dict.fromkeys(notes))[:_SHOWN]


def _mark(wanted: CanaryRule) -> _Header:
    return wanted.header.name, wanted.header.value


def _find_competitors(
    rules: Iterable[HttpRouteRule], targets: Sequence[HttpRouteRule], wanted: CanaryRule, header: _Header
) -> Iterator[_Competitor]:
    """The rules that compete with copies of `targets` that require one more `header`."""
    index = _index_others(rules, targets, wanted)
    for target in targets:
        for match in target.matches:
            for other in index.get(match.path_and_method, ()):
                competitor = _compare(_RuleMatch(target, match), other, header)
                if competitor:
                    yield competitor


def _index_others(rules: Iterable[HttpRouteRule], targets: Sequence[HttpRouteRule], wanted: CanaryRule) -> _Index:
    """The matches of all rules but the targets and this canary's own, by path and method; only those of a target."""
    target_ids = {id(rule) for rule in targets}
    keys = {match.path_and_method for target in targets for match in target.matches}
    index: _Index = defaultdict(list)
    for rule in rules:
        if id(rule) not in target_ids and rule.owner != wanted.name:
            for match in rule.matches:
                if match.path_and_method in keys:
                    index[match.path_and_method].append(_RuleMatch(rule, match))
    return index


def _compare(target: _RuleMatch, other: _RuleMatch, header: _Header) -> _Competitor | None:
    """How `other` competes with the canary's copy of a match; None if nothing changes for either."""
    stable, canary = target.match, target.match.with_header(*header)
    if not _may_share_requests(target.rule, other.rule) or not other.match.overlaps(canary):
        return None
    # What a share's rule requires last, every request has.
    covers = canary.is_covered_by(other.match.without_last_header if other.rule.is_share else other.match)
    theirs, same_route = other.match.specificity, other.rule.route is target.rule.route
    if theirs > canary.specificity or (theirs == canary.specificity and same_route):
        # In one route a tie goes to the first rule, and ours is the last.
        return _Competitor(target.rule, other.rule, other.match, wins=True, covers=covers)
    if theirs == canary.specificity:
        # The older route wins, and no file tells which one that is.
        return _Competitor(target.rule, other.rule, other.match, wins=covers, covers=covers)
    if theirs > stable.specificity or (theirs == stable.specificity and not _is_above(target.rule, other.rule)):
        return _Competitor(target.rule, other.rule, other.match, wins=False)
    return None


def _may_share_requests(one: HttpRouteRule, other: HttpRouteRule) -> bool:
    """Whether both rules may apply to one request, by the hosts and parents of their routes."""
    return one.route is other.route or (
        _may_overlap(one.route.hosts, other.route.hosts) and _may_overlap(one.route.parents, other.route.parents)
    )


def _may_overlap(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    """Whether two lists have something in common; a route without a list applies to everything."""
    return not mine or not theirs or bool(mine & theirs)


def _is_above(rule: HttpRouteRule, other: HttpRouteRule) -> bool:
    """Whether a tie is known to go to `rule`: it comes first in the same route."""
    return rule.route is other.route and rule.index < other.index
