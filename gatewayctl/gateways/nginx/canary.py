"""The text of a canary rule in one location: marked requests take another pass, and keep everything else.

It is an `if` on the header, whose comparison is exact. Conditions of other `if` blocks are asked again where those
shape the request; for requests without the header that changes nothing, because the person's own `if` follows and wins.
"""

import re
from dataclasses import dataclass, field
from itertools import takewhile

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.nginx.destination import Destination, find_destination, variable_stem
from gatewayctl.gateways.nginx.inherited_settings import as_line, header_note, keep_settings, response_headers
from gatewayctl.gateways.nginx.markers import (
    Insertion,
    find_owned,
    indent_step,
    insertion_above,
    insertion_below,
    is_owned,
)
from gatewayctl.gateways.nginx.proxy_pass import PASSES, PassTarget, ProxyPass, ProxyPasses, has_variable
from gatewayctl.gateways.nginx.rewrite_phase import STEPS, IfEffect, RewriteScript, RewriteStep, split_script
from gatewayctl.gateways.nginx.tree import Directive

_PLAIN_URI = re.compile(r"[A-Za-z0-9/._~:@!&'()*+,=-]*")


@dataclass(slots=True)
class CanaryLocation:
    """One location (or a text without one) and those of its passes that go to the service, with their choices."""

    passes: ProxyPasses
    rule: CanaryRule
    hits: list[tuple[ProxyPass, list[PassTarget]]]
    notes: list[str] = field(default_factory=list)
    upstreams: list[Insertion] = field(default_factory=list)

    @property
    def main(self) -> tuple[ProxyPass, list[PassTarget]] | None:
        """The location's own pass, where it goes to the service."""
        return next((hit for hit in self.hits if not _in_if(hit[0])), None)

    @property
    def location(self) -> Directive | None:
        """The location; None where the files do not show it."""
        container = self.hits[0][0].container
        return self.passes.config.parent_of(container) if container and container.name == "if" else container

    @property
    def route(self) -> str:
        """What the marks of our lines say."""
        return f"{self.rule.header} -> {self.rule.canary}"

    @property
    def marked(self) -> str:
        """The condition of a marked request."""
        return f'{self.variable} = "{self.rule.header.value}"'

    @property
    def variable(self) -> str:
        """The header as nginx calls it."""
        return f"$http_{self.rule.header.name.replace('-', '_')}"


def build_insertions(place: CanaryLocation) -> list[Insertion]:
    """Everything to insert for one location. Raises Refused."""
    one = place.hits[0][0].directive
    _refuse_odd(place)
    found = split_script(_steps(place))
    name = f"${variable_stem(place.rule)}"
    conditional = any(choice.value for _, choices in place.hits for choice in choices)
    if found.shaping_ifs and conditional:
        raise one.refusal("both a variable and an `if` decide where this location sends: one of them can be followed")
    if found.shaping_ifs:
        return [*_specials(place, found, name), *place.upstreams]
    if place.main is None:
        raise one.refusal("this pass stands in an `if` that answers its requests itself")
    pass_, choices = place.main
    lines = [*_shape(place, pass_, choices)]
    if conditional:
        lines.append(f'set {name} "{place.variable} ${pass_.variable}";')
    for choice in choices:
        condition = f'{name} = "{place.rule.header.value} {choice.value}"' if choice.value else place.marked
        lines += _block(place, condition, _Body(pass_, choice, found))
    return [_last(pass_, found, tuple(lines), place.route), *place.upstreams]


@dataclass(frozen=True, slots=True)
class _Body:
    """One `if` of ours: the pass it stands for; `step` is the person's `if` whose settings it carries."""

    one: ProxyPass
    choice: PassTarget
    script: RewriteScript
    step: RewriteStep | None = None


def _in_if(one: ProxyPass) -> bool:
    return one.container is not None and one.container.name == "if"


def _steps(place: CanaryLocation) -> list[RewriteStep]:
    config, one = place.passes.config, place.hits[0][0]
    location = place.location
    inside = [(root, root) for root in one.directive.text.roots] if location is None else list(config.expand(location))
    ours = {id(text): tuple(find_owned(text)) for text in config.texts}
    return [
        RewriteStep(step, anchor)
        for step, anchor in inside
        if step.name in STEPS and not is_owned(step, ours[id(step.text)])
    ]


def _refuse_odd(place: CanaryLocation) -> None:
    for one, _ in place.hits:
        container = one.container
        if container is not None and container.name not in {"location", "if"}:
            raise one.directive.refusal(
                f"inside `{container.name}` no `if` is allowed: a canary cannot be told apart there"
            )
    location = place.location
    if location is not None:
        for child in place.passes.config.children_of(location):
            if child.name == "try_files":
                raise child.refusal(
                    "try_files is not looked at where an `if` matches: the canary would not get its files"
                )


def _specials(place: CanaryLocation, found: RewriteScript, name: str) -> list[Insertion]:
    """Ours where an `if` of the location shapes requests: which of them wins is found out first."""
    main = place.main
    mark = f"{name}_mark"
    flags = [f'set {mark} "";', f"if ({place.marked}) {{", f"    set {mark} m;", "}", f"set {name} {mark};"]
    numbered = list(enumerate(found.shaping_ifs, start=1))
    going_on = [(number, step) for number, step in numbered if step.effect is IfEffect.SHAPES]
    breaking = [(number, step) for number, step in numbered if step.effect is IfEffect.BREAKS]
    result: list[Insertion] = []
    for number, step in [*going_on, *breaking[::-1]]:  # the first that breaks wins over those after it
        flags += [f"if {' '.join(step.directive.args)} {{", f'    set {name} "${{{mark[1:]}}}{number}";', "}"]
    last: list[str] = []
    if main is not None:
        last += _shape(place, *main)
        last += _block(place, f"{name} = m", _Body(main[0], main[1][0], found))
    for number, step in numbered:
        hit = _own_pass(place, step, main)
        if hit is None:
            continue
        lines = _block(place, f"{name} = m{number}", _Body(*hit, found, step))
        if step.effect is IfEffect.BREAKS:
            result.append(insertion_above(step.anchor, tuple(lines)))
        else:
            last += lines
    first = insertion_above(found.shaping_ifs[0].anchor, tuple(_stepped(flags, found.shaping_ifs[0].directive)))
    if last:
        end = main[0] if main is not None else place.hits[0][0]
        result.append(_last(end, found, tuple(last), place.route))
    else:
        first = insertion_above(found.shaping_ifs[0].anchor, first.lines, place.route)
    return [first, *result]


def _own_pass(
    place: CanaryLocation, step: RewriteStep, main: tuple[ProxyPass, list[PassTarget]] | None
) -> tuple[ProxyPass, PassTarget] | None:
    inside = step.directive.children or []
    for one, choices in place.hits:
        if one.directive in inside:
            return one, choices[0]
    if any(child.name.endswith("_pass") for child in inside):
        return None  # it sends elsewhere, marked or not
    return (main[0], main[1][0]) if main is not None else None


def _last(one: ProxyPass, found: RewriteScript, lines: tuple[str, ...], route: str) -> Insertion:
    """Ours at the place where it is reached and wins."""
    if found.before is not None:
        return insertion_above(found.before, lines, route)
    directive = one.directive
    after = found.after
    if after is None or (after.text is directive.text and after.start < directive.start and not _in_if(one)):
        return insertion_above(directive, lines, route)
    return insertion_below(after, lines, route)


def _shape(place: CanaryLocation, one: ProxyPass, choices: list[PassTarget]) -> tuple[str, ...]:
    kept = keep_settings(place.passes.config, one, choices[0], place.rule)
    place.notes += kept.notes
    note = header_note(place.passes.config, one)
    place.notes += [note] if note else []
    return kept.lines


def _block(place: CanaryLocation, condition: str, body: _Body) -> list[str]:
    """One `if` of ours, as lines."""
    there = find_destination(place.passes, body.one, body.choice, place.rule)
    place.notes += [there.note] if there.note else []
    place.upstreams += [there.upstream] if there.upstream else []
    inside: list[str] = []
    beside = body.one.directive
    if body.step is not None:
        children = body.step.directive.children or []
        breaking = body.step.effect is IfEffect.BREAKS
        copied = [one for one in children if one.name not in PASSES and (breaking or one.name not in STEPS)]
        inside += [as_line(one) for one in copied if one.name != "add_header" and one.name != "break"]
        beside = next((one for one in children if one.name == "add_header"), beside)
    tail, target = _target(place, body, there)
    inside += tail
    if body.step is not None and body.step.effect is IfEffect.BREAKS:
        inside.append("break;")
    inside += response_headers(place.passes.config, beside, place.rule)
    inside.append(f"{body.one.directive.name} {target};")
    step = indent_step(body.one.directive)
    return [f"if ({condition}) {{", *(f"{step}{line}" for line in inside), "}"]


def _target(place: CanaryLocation, body: _Body, there: Destination) -> tuple[list[str], str]:
    """The steps before the pass, and what it passes to."""
    address, name = body.choice.address, f"${variable_stem(place.rule)}_to"
    to = f"{address.scheme}://{there.authority}" if address.scheme else there.authority
    steps = list(there.prelude)
    if not address.uri:
        return steps, to
    if body.one.variable:
        return [*steps, f"set {name} {to};"], f"{name}{address.uri}"
    if has_variable(address.uri):
        return steps, f"{to}{address.uri}"
    return [*steps, *_replaced_prefix(place, body)], to


def _replaced_prefix(place: CanaryLocation, body: _Body) -> list[str]:
    """What a URI in the pass does, as a rewrite: inside an `if` a pass cannot have one."""
    one, uri, location = body.one.directive, body.choice.address.uri, place.location
    if location is None:
        raise one.refusal("this pass replaces the prefix of a location that the files do not show")
    if not _PLAIN_URI.fullmatch(uri):
        raise one.refusal(f"the URI {uri} in this pass cannot be written as a rewrite that means the same")
    steps = [*body.script.head, *body.script.tail]
    for step in steps:
        if step.directive.name == "rewrite" and len(step.directive.args) == 2:
            raise step.directive.refusal("this rewrite goes on to look for another location, and the pass has a URI")
    if any(step.directive.name == "if" for step in body.script.tail):
        raise one.refusal("an `if` comes after a rewrite that ends rewriting, and the pass has a URI")
    prefix = re.escape(location.values[-1]).replace("\\\\", "\\\\\\\\").replace('"', '\\"')
    run = takewhile(lambda step: step.directive.name != "break", body.script.tail)
    first = [as_line(step.directive) for step in run]
    return [*first, f'rewrite "(?s)^{prefix}(.*)" "{uri}$1" break;']


def _stepped(lines: list[str], like: Directive) -> list[str]:
    """Our own four blanks as this text indents."""
    step = indent_step(like)
    return [step + line.removeprefix("    ") if line.startswith("    ") else line for line in lines]
