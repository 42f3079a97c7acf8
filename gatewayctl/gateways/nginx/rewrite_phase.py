"""The rewrite phase of a location: where in it a canary's `if` is reached, is the one that counts, and loses nothing.

nginx runs `if`, `set`, `rewrite`, `break` and `return` in the order of the file. Of the `if` blocks whose condition is
met, only the last one shapes the request. So the canary's `if` has to come last, but before anything that ends the
phase. Where another `if` would have shaped the request, the canary needs a copy of that one's settings.
"""

from dataclasses import dataclass
from enum import Enum

from gatewayctl.gateways.nginx.tree import Directive

STEPS = frozenset({"if", "set", "rewrite", "break", "return"})
_NO_EFFECT_ON_PROXYING = STEPS | {"rewrite_log", "uninitialized_variable_warn"}


class IfEffect(Enum):
    """What an `if` block does to a request that meets its condition."""

    ANSWERS = "answers"  # answers it itself: nothing is proxied
    NONE = "none"  # continues, and changes nothing about how the request is proxied
    SHAPES = "shapes"  # continues, and changes how the request is proxied
    BREAKS = "breaks"  # ends the rewrite phase, and the request is proxied


@dataclass(frozen=True, slots=True, eq=False)
class RewriteStep:
    """One directive of the rewrite phase. `anchor` is the directive of the location's own text that it comes from.

    The two differ where an include brings the directive in.
    """

    directive: Directive
    anchor: Directive

    @property
    def effect(self) -> IfEffect:
        """What an `if` does; meaningless for other directives."""
        inside = self.directive.children or []
        if any(one.name == "return" for one in inside):
            return IfEffect.ANSWERS
        if any(ends_phase(one) for one in inside):
            return IfEffect.BREAKS
        return IfEffect.NONE if all(one.name in _NO_EFFECT_ON_PROXYING for one in inside) else IfEffect.SHAPES


@dataclass(frozen=True, slots=True, eq=False)
class RewritePhase:
    """The steps of one location; the canary's `if` goes after `head` and before `tail`."""

    head: tuple[RewriteStep, ...]
    tail: tuple[RewriteStep, ...]

    @property
    def shaping_ifs(self) -> tuple[RewriteStep, ...]:
        """The `if` blocks that need a canary's `if` of their own, in the order of the file."""
        ifs = [step for step in self.head if step.directive.name == "if"]
        return tuple(step for step in ifs if step.effect in {IfEffect.SHAPES, IfEffect.BREAKS})

    @property
    def after(self) -> Directive | None:
        """The directive that the canary's `if` has to come after."""
        return self.head[-1].anchor if self.head else None

    @property
    def before(self) -> Directive | None:
        """The directive that the canary's `if` has to come before."""
        return self.tail[0].anchor if self.tail else None


def ends_phase(one: Directive) -> bool:
    """Whether a directive can end the rewrite phase with the request still going to this location's upstream."""
    return one.name == "break" or (one.name == "rewrite" and one.args[-1:] == ("break",))


def split_phase(steps: list[RewriteStep]) -> RewritePhase:
    """The steps split where the canary's `if` goes. Raises Refused if there is no such place."""
    cut = next((at for at, step in enumerate(steps) if ends_phase(step.directive)), len(steps))
    phase = RewritePhase(tuple(steps[:cut]), tuple(steps[cut:]))
    for step in phase.tail:
        if step.directive.name == "if" and step.effect is not IfEffect.ANSWERS:
            raise step.directive.refusal(
                "this `if` comes after a rewrite that ends rewriting: no place for a canary's `if` is right for both",
                hint="move it above that rewrite, if that means the same",
            )
    _refuse_changing_conditions(phase)
    for step in phase.shaping_ifs:
        _refuse_uncertain_break(step, phase)
    return phase


def _refuse_changing_conditions(phase: RewritePhase) -> None:
    """Refuse a `set` of a variable in a later condition: our lines evaluate all conditions at the first `if`."""
    if not phase.shaping_ifs:
        return
    first = phase.head.index(phase.shaping_ifs[0])
    conditions = " ".join(word for step in phase.shaping_ifs for word in step.directive.args)
    for step in phase.head[first:]:
        for one in [step.directive, *(step.directive.children or [])]:
            if one.name == "set" and one.values[0] in conditions:
                raise one.refusal(
                    f"{one.values[0]} decides an `if` of this location and is set between its `if` blocks"
                )


def _refuse_uncertain_break(step: RewriteStep, phase: RewritePhase) -> None:
    """Refuse an `if` that ends the phase only if its rewrite matches, with more steps after it."""
    inside = step.directive.children or []
    if step.effect is not IfEffect.BREAKS or any(one.name == "break" for one in inside):
        return
    rest = [*phase.head[phase.head.index(step) + 1 :], *phase.tail]
    if rest:
        raise step.directive.refusal(
            f"this `if` ends rewriting only where its rewrite matches, and `{rest[0].directive.name}` follows it",
            hint="put `break;` at the end of the `if`, if that means the same",
        )
