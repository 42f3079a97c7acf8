"""Which other rules would take the canary's requests, and which it would take requests from.

A longer path and a method decide before headers do, so mirrored matches keep their order there. Among matches of one
place one more header changes who wins: that is looked at here, over all routes given.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.httproute.locate import Rule
from gatewayctl.gateways.httproute.matches import Match

_SHOWN = 20


@dataclass(frozen=True, slots=True, eq=False)
class _Rival:
    """A rule that competes with the canary's; `whole`: for every request that the canary's match asks for."""

    rule: Rule
    match: Match
    wins: bool
    whole: bool = False


def refuse_outranked(rules: Iterable[Rule], targets: Sequence[Rule], wanted: CanaryRule) -> None:
    """Raise Refused where a rule of someone else takes the requests that carry the canary's header."""
    for target, rival in _rivals(rules, targets, wanted):
        if rival.wins and rival.whole:
            owner = f"the rule {rival.rule.name}" if rival.rule.name else "another rule"
            raise rival.rule.route.unit.refused(
                rival.rule.node,
                f"{owner} already takes requests with {wanted.header} from the rule on line {target.line}",
                hint="choose another header or value for this canary, or remove that rule",
            )


def taken(rules: Iterable[Rule], targets: Sequence[Rule], wanted: CanaryRule) -> tuple[str, ...]:
    """What to tell of rules that lose marked requests to the canary; they keep all others."""
    found = []
    for _, rival in _rivals(rules, targets, wanted):
        if not rival.wins:
            rule = rival.rule
            found.append(
                f"{rule.route.unit.file}:{rule.line}: requests with {wanted.header} that also match this rule "
                f"({rival.match}) go to {wanted.canary}: one more header outranks it"
            )
    unique = tuple(dict.fromkeys(found))
    return unique[:_SHOWN]


def _rivals(rules: Iterable[Rule], targets: Sequence[Rule], wanted: CanaryRule) -> Iterator[tuple[Rule, _Rival]]:
    hit = {id(rule) for rule in targets}
    places = {match.place for target in targets for match in target.matches}
    index: defaultdict[tuple[str, str, str], list[tuple[Rule, Match]]] = defaultdict(list)
    for rule in rules:
        if id(rule) not in hit and rule.owner != wanted.name:
            for match in rule.matches:
                if match.place in places:
                    index[match.place].append((rule, match))
    for target in targets:
        for match in target.matches:
            for rule, other in index.get(match.place, ()):
                rival = _rival(target, match, rule, other, wanted)
                if rival:
                    yield target, rival


def _rival(target: Rule, match: Match, rule: Rule, other: Match, wanted: CanaryRule) -> _Rival | None:
    """Whether `other` had the requests of `match`, or would have those of the canary."""
    marked = match.marked(wanted.header)
    if not _shared(target, rule) or not other.meets(marked):
        return None
    whole = marked.is_within(other)
    if other.weight > marked.weight or (other.weight == marked.weight and rule.route is target.route):
        return _Rival(rule, other, wins=True, whole=whole)  # a tie goes to the rule that stands higher: ours is last
    if other.weight == marked.weight:
        return _Rival(rule, other, wins=whole, whole=whole)  # the older route wins, which no file tells
    if other.weight > match.weight or (other.weight == match.weight and not _before(target, rule)):
        return _Rival(rule, other, wins=False)
    return None


def _shared(one: Rule, other: Rule) -> bool:
    """Whether both may be asked for one request; a route without host names is asked for every host."""
    return one.route is other.route or (
        _overlap(one.route.hosts, other.route.hosts) and _overlap(one.route.parents, other.route.parents)
    )


def _overlap(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    return not mine or not theirs or bool(mine & theirs)


def _before(rule: Rule, other: Rule) -> bool:
    """Whether a tie is known to go to `rule`."""
    return rule.route is other.route and rule.index < other.index
