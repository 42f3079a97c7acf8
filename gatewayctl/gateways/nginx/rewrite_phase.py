"""The rewrite script of a location: where in it a canary's `if` is reached, wins, and takes nothing away.

nginx runs `if`, `set`, `rewrite`, `break` and `return` in order; of the `if` blocks that match, the last one shapes
the request, alone. So ours has to come last, before anything ends the script, and where another one of a person's would
have shaped the request, ours has to carry what that one says.
"""

from dataclasses import dataclass
from enum import Enum

from gatewayctl.gateways.nginx.tree import Directive

STEPS = frozenset({"if", "set", "rewrite", "break", "return"})
_SILENT = STEPS | {"rewrite_log", "uninitialized_variable_warn"}


class IfEffect(Enum):
    """What an `if` block does to a request that it matches."""

    ENDS = "ends"  # answers it: whatever shapes it is not looked at
    PLAIN = "plain"  # goes on, and shapes nothing
    SHAPES = "shapes"  # goes on, and shapes it
    BREAKS = "breaks"  # ends the script, and proxies it


@dataclass(frozen=True, slots=True, eq=False)
class RewriteStep:
    """One step of the script; `anchor` is what stands for it in the location's own text."""

    directive: Directive
    anchor: Directive

    @property
    def effect(self) -> IfEffect:
        """For an `if`."""
        inside = self.directive.children or []
        if any(one.name == "return" for one in inside):
            return IfEffect.ENDS
        if any(ends_script(one) for one in inside):
            return IfEffect.BREAKS
        return IfEffect.PLAIN if all(one.name in _SILENT for one in inside) else IfEffect.SHAPES


@dataclass(frozen=True, slots=True, eq=False)
class RewriteScript:
    """The steps of one location, split where our `if` goes: after `head`, before `tail`."""

    head: tuple[RewriteStep, ...]
    tail: tuple[RewriteStep, ...]

    @property
    def shaping_ifs(self) -> tuple[RewriteStep, ...]:
        """The `if` blocks whose matches need a canary of their own, in order."""
        ifs = [step for step in self.head if step.directive.name == "if"]
        return tuple(step for step in ifs if step.effect in {IfEffect.SHAPES, IfEffect.BREAKS})

    @property
    def after(self) -> Directive | None:
        """What our `if` has to come after."""
        return self.head[-1].anchor if self.head else None

    @property
    def before(self) -> Directive | None:
        """What it has to come before."""
        return self.tail[0].anchor if self.tail else None


def ends_script(one: Directive) -> bool:
    """Whether a step can end the script with the request still going to this location's upstream."""
    return one.name == "break" or (one.name == "rewrite" and one.args[-1:] == ("break",))


def split_script(steps: list[RewriteStep]) -> RewriteScript:
    """Where ours goes. Raises Refused where there is no such place."""
    cut = next((at for at, step in enumerate(steps) if ends_script(step.directive)), len(steps))
    found = RewriteScript(tuple(steps[:cut]), tuple(steps[cut:]))
    for step in found.tail:
        if step.directive.name == "if" and step.effect is not IfEffect.ENDS:
            raise step.directive.refusal(
                "this `if` comes after a rewrite that ends rewriting: no place for a canary's `if` is right for both",
                hint="move it above that rewrite, if that means the same",
            )
    _refuse_shifting(found)
    for step in found.shaping_ifs:
        _refuse_open_end(step, found)
    return found


def _refuse_shifting(found: RewriteScript) -> None:
    """Conditions are looked at once more, earlier: what they ask for must be the same then."""
    if not found.shaping_ifs:
        return
    first = found.head.index(found.shaping_ifs[0])
    asked = " ".join(word for step in found.shaping_ifs for word in step.directive.args)
    for step in found.head[first:]:
        for one in [step.directive, *(step.directive.children or [])]:
            if one.name == "set" and one.values[0] in asked:
                raise one.refusal(
                    f"{one.values[0]} decides an `if` of this location and is set between its `if` blocks"
                )


def _refuse_open_end(step: RewriteStep, found: RewriteScript) -> None:
    inside = step.directive.children or []
    if step.effect is not IfEffect.BREAKS or any(one.name == "break" for one in inside):
        return
    rest = [*found.head[found.head.index(step) + 1 :], *found.tail]
    if rest:
        raise step.directive.refusal(
            f"this `if` ends rewriting only where its rewrite matches, and `{rest[0].directive.name}` follows it",
            hint="put `break;` at the end of the `if`, if that means the same",
        )
