"""A location that sends to the service: its passes, its rewrite phase, and where no canary is possible."""

from dataclasses import dataclass, field, replace

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.nginx.markers import Insertion, find_owned, is_owned
from gatewayctl.gateways.nginx.notes import Note
from gatewayctl.gateways.nginx.proxy_pass import PassTarget, ProxyPass, ProxyPasses
from gatewayctl.gateways.nginx.rewrite_phase import STEPS, RewritePhase, RewriteStep, split_phase
from gatewayctl.gateways.nginx.selector import Selector
from gatewayctl.gateways.nginx.tree import Directive


@dataclass(frozen=True, slots=True)
class StablePass:
    """A pass that sends to the service, with those of its targets that are the service."""

    proxy_pass: ProxyPass
    targets: tuple[PassTarget, ...]

    @property
    def is_in_if(self) -> bool:
        """Whether the pass is in an `if` of its location."""
        container = self.proxy_pass.container
        return container is not None and container.name == "if"


@dataclass(slots=True)
class CanaryLocation:
    """One location that gets a canary, and its passes to the service.

    A file may also hold only what is inside a location: then `block` is None. `selector` is the part of the rule whose
    lines are built. Meanwhile `notes` and `upstreams` are filled, which all parts share.
    """

    passes: ProxyPasses
    rule: CanaryRule
    selector: Selector
    stable_passes: list[StablePass]
    notes: list[Note] = field(default_factory=list)
    upstreams: list[Insertion] = field(default_factory=list)

    @property
    def own_pass(self) -> StablePass | None:
        """The pass of the location itself, outside any `if`, where it sends to the service."""
        return next((one for one in self.stable_passes if not one.is_in_if), None)

    @property
    def first_directive(self) -> Directive:
        """The first pass in the order of the files."""
        return self.stable_passes[0].proxy_pass.directive

    @property
    def block(self) -> Directive | None:
        """The location; None where the files do not show it."""
        first = self.stable_passes[0]
        container = first.proxy_pass.container
        return self.passes.config.parent_of(container) if container and first.is_in_if else container

    def with_selector(self, selector: Selector) -> "CanaryLocation":
        """The same location, to build the lines of another part of the rule."""
        return replace(self, selector=selector)


def read_phase(location: CanaryLocation) -> RewritePhase:
    """The location's rewrite phase, without lines of any canary. Raises Refused if it leaves no place for an `if`."""
    config, block = location.passes.config, location.block
    roots = location.first_directive.text.roots
    inside = [(root, root) for root in roots] if block is None else list(config.expand(block))
    owned = {id(text): tuple(find_owned(text)) for text in config.texts}
    return split_phase(
        [
            RewriteStep(one, anchor)
            for one, anchor in inside
            if one.name in STEPS and not is_owned(one, owned[id(one.text)])
        ]
    )


def refuse_unsupported(location: CanaryLocation) -> None:
    """Raise Refused where an `if` is not allowed, or would switch off what the location relies on."""
    for one in location.stable_passes:
        container = one.proxy_pass.container
        if container is not None and container.name not in {"location", "if"}:
            raise one.proxy_pass.directive.refusal(
                f"inside `{container.name}` no `if` is allowed: a canary cannot be told apart there"
            )
    if location.block is None:
        return
    for child in location.passes.config.children_of(location.block):
        if child.name == "try_files":
            raise child.refusal("try_files is not looked at where an `if` matches: the canary would not get its files")
