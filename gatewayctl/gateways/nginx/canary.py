"""The lines of a canary rule for one location: its requests take another pass, with everything else equal.

The rule is an `if` on the header, whose comparison is exact, and one like it for a share of all other requests. Where
the location has `if` blocks that shape requests, our lines evaluate their conditions again, to find out which settings
the canary needs. For all other requests this changes nothing, because the location's own `if` follows and is the one
that counts.
"""

from collections.abc import Iterable

from gatewayctl.gateways.nginx.if_block import IfBlock, if_lines
from gatewayctl.gateways.nginx.inherited_settings import header_note, keep_settings
from gatewayctl.gateways.nginx.location import CanaryLocation, StablePass, read_phase, refuse_unsupported
from gatewayctl.gateways.nginx.markers import Insertion, indent_step, insertion_above, insertion_below
from gatewayctl.gateways.nginx.rewrite_phase import IfEffect, RewritePhase, RewriteStep
from gatewayctl.gateways.nginx.selector import Selector
from gatewayctl.gateways.nginx.tree import Directive

_Numbered = list[tuple[int, RewriteStep]]


def build_insertions(location: CanaryLocation) -> list[Insertion]:
    """The lines of one part of the rule for one location; adds to its notes and upstreams. Raises Refused."""
    refuse_unsupported(location)
    phase = read_phase(location)
    by_variable = any(target.value for one in location.stable_passes for target in one.targets)
    if not phase.shaping_ifs:
        return [_without_shaping_ifs(location, phase, by_variable=by_variable)]
    if by_variable:
        raise location.first_directive.refusal(
            "both a variable and an `if` decide where this location sends: only one of them is supported"
        )
    return _with_shaping_ifs(location, phase)


def _without_shaping_ifs(location: CanaryLocation, phase: RewritePhase, *, by_variable: bool) -> Insertion:
    """One `if` for each target; `by_variable` if a variable selects among them."""
    own = location.own_pass
    if own is None:
        raise location.first_directive.refusal("this pass stands in an `if` that answers its requests itself")
    selector = location.selector
    name = f"${selector.stem}"
    lines = [*_keep_settings(location, own), *_reindent(selector.prelude, own.proxy_pass.directive)]
    if by_variable:  # an `if` has one condition only: both variables are compared together
        lines.append(f'set {name} "{selector.variable} ${own.proxy_pass.variable}";')
    for target in own.targets:
        both = f'{name} = "{selector.value} {target.value}"'
        condition = both if target.value else selector.condition
        lines += if_lines(location, IfBlock(condition, own.proxy_pass, target, phase))
    return _at_end_of_phase(own, phase, lines, selector.route)


def _with_shaping_ifs(location: CanaryLocation, phase: RewritePhase) -> list[Insertion]:
    """Lines that find out which `if` of the location counts, and a canary's `if` for each of them."""
    selector = location.selector
    name = f"${selector.stem}"
    numbered: _Numbered = list(enumerate(phase.shaping_ifs, start=1))
    last = _own_lines(location, phase, f"{name} = m")
    breaking: list[Insertion] = []
    for number, step in numbered:
        replaced = _pass_after(location, step)
        if replaced is None:
            continue
        block = IfBlock(f"{name} = m{number}", replaced.proxy_pass, replaced.targets[0], phase, step)
        lines = if_lines(location, block)
        if step.effect is IfEffect.BREAKS:
            breaking.append(insertion_above(step.anchor, tuple(lines)))
        else:
            last += lines
    first = phase.shaping_ifs[0]
    selecting = tuple(_reindent(_selecting_lines(selector, numbered), first.directive))
    if not last:
        return [insertion_above(first.anchor, selecting, selector.route), *breaking]
    end = location.own_pass or location.stable_passes[0]
    return [
        insertion_above(first.anchor, selecting),
        *breaking,
        _at_end_of_phase(end, phase, last, selector.route),
    ]


def _own_lines(location: CanaryLocation, phase: RewritePhase, condition: str) -> list[str]:
    """The canary's `if` for requests that meet no other one; nothing if the location's own pass goes elsewhere."""
    own = location.own_pass
    if own is None:
        return []
    kept = _keep_settings(location, own)
    return [*kept, *if_lines(location, IfBlock(condition, own.proxy_pass, own.targets[0], phase))]


def _selecting_lines(selector: Selector, numbered: _Numbered) -> list[str]:
    """Lines that set a variable: for the part's requests `m` and the number of the `if` that counts, else empty."""
    name = f"${selector.stem}"
    mark = f"{name}_mark"
    lines = [
        *selector.prelude,
        f'set {mark} "";',
        f"if ({selector.condition}) {{",
        f"    set {mark} m;",
        "}",
        f"set {name} {mark};",
    ]
    continuing = [(number, step) for number, step in numbered if step.effect is IfEffect.SHAPES]
    breaking = [(number, step) for number, step in numbered if step.effect is IfEffect.BREAKS]
    # The last `set` counts: the first `if` that breaks is set last, since nginx never comes to those after it.
    for number, step in (*continuing, *breaking[::-1]):
        condition = " ".join(step.directive.args)
        lines += [f"if {condition} {{", f'    set {name} "${{{mark[1:]}}}{number}";', "}"]
    return lines


def _pass_after(location: CanaryLocation, step: RewriteStep) -> StablePass | None:
    """The pass of requests that meet an `if`: in the `if`, else the location's; None if it goes to another service."""
    inside = step.directive.children or []
    for one in location.stable_passes:
        if one.proxy_pass.directive in inside:
            return one
    sends_elsewhere = any(child.name.endswith("_pass") for child in inside)
    return None if sends_elsewhere else location.own_pass


def _at_end_of_phase(one: StablePass, phase: RewritePhase, lines: list[str], route: str) -> Insertion:
    """The insertion where nginx reaches it and no other `if` comes after it."""
    if phase.before is not None:
        return insertion_above(phase.before, tuple(lines), route)
    directive, after = one.proxy_pass.directive, phase.after
    if after is None:
        return insertion_above(directive, tuple(lines), route)
    pass_is_later = after.text is directive.text and after.start < directive.start
    if pass_is_later and not one.is_in_if:
        return insertion_above(directive, tuple(lines), route)
    return insertion_below(after, tuple(lines), route)


def _keep_settings(location: CanaryLocation, one: StablePass) -> list[str]:
    """Settings that keep the canary's requests equal to stable's; adds to the location's notes."""
    if not location.selector.keeps_settings:
        return []
    config = location.passes.config
    kept = keep_settings(config, one.proxy_pass, one.targets[0], location.rule)
    location.notes += kept.notes
    note = header_note(config, one.proxy_pass)
    location.notes += [note] if note else []
    return list(kept.lines)


def _reindent(lines: Iterable[str], like: Directive) -> list[str]:
    """Lines indented by four blanks, indented as the text of `like` is."""
    step = indent_step(like)
    return [step + line.removeprefix("    ") if line.startswith("    ") else line for line in lines]
