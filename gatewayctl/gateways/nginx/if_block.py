"""One `if` of a canary rule: the pass to the canary, and everything that the pass it replaces does to a request."""

import re
from dataclasses import dataclass
from itertools import takewhile

from gatewayctl.gateways.nginx.destination import Destination, find_destination
from gatewayctl.gateways.nginx.inherited_settings import as_line, response_headers
from gatewayctl.gateways.nginx.levels import PASSES
from gatewayctl.gateways.nginx.location import CanaryLocation
from gatewayctl.gateways.nginx.markers import indent_step
from gatewayctl.gateways.nginx.proxy_pass import PassTarget, ProxyPass, has_variable
from gatewayctl.gateways.nginx.rewrite_phase import STEPS, IfEffect, RewritePhase, RewriteStep
from gatewayctl.gateways.nginx.selector import variable_stem
from gatewayctl.gateways.nginx.tree import Directive

_PLAIN_URI = re.compile(r"[A-Za-z0-9/._~:@!&'()*+,=-]*")


@dataclass(frozen=True, slots=True)
class IfBlock:
    """What an `if` of the canary is made from: the pass that it replaces, and which of its targets.

    `copied` is an `if` of the location that the same requests would meet: its settings are copied, because nginx
    ignores it once ours is met.
    """

    condition: str
    proxy_pass: ProxyPass
    target: PassTarget
    phase: RewritePhase
    copied: RewriteStep | None = None

    @property
    def breaks(self) -> bool:
        """Whether the copied `if` ends the rewrite phase."""
        return self.copied is not None and self.copied.effect is IfEffect.BREAKS

    @property
    def copied_directives(self) -> list[Directive]:
        """The directives in the copied `if`; none without one."""
        return list(self.copied.directive.children or []) if self.copied is not None else []


def if_lines(location: CanaryLocation, block: IfBlock) -> list[str]:
    """The lines of the `if`; adds to the location's notes and upstreams. Raises Refused."""
    config, directive = location.passes.config, block.proxy_pass.directive
    destination = find_destination(location.passes, block.proxy_pass, block.target, location.rule)
    location.notes += [destination.note] if destination.note else []
    location.upstreams += [destination.upstream] if destination.upstream else []
    before, argument = _pass_lines(location, block, destination)
    headers_of = next((one for one in block.copied_directives if one.name == "add_header"), directive)
    inside = (
        *_copy_settings(block),
        *before,
        *(["break;"] if block.breaks else []),
        *response_headers(config, headers_of, location.rule),
        f"{directive.name} {argument};",
    )
    step = indent_step(directive)
    return [f"if ({block.condition}) {{", *(f"{step}{line}" for line in inside), "}"]


def _copy_settings(block: IfBlock) -> list[str]:
    """The copied settings, without those that have a place of their own in our `if`."""
    # Without a break, the steps of the copied `if` run before ours: it comes first in the file.
    left_out = PASSES | {"add_header", "break"} | (frozenset() if block.breaks else STEPS)
    return [as_line(one) for one in block.copied_directives if one.name not in left_out]


def _pass_lines(location: CanaryLocation, block: IfBlock, destination: Destination) -> tuple[list[str], str]:
    """The lines before the pass, and the argument of the pass."""
    address, variable = block.target.address, f"${variable_stem(location.rule)}_to"
    server = f"{address.scheme}://{destination.authority}" if address.scheme else destination.authority
    lines = list(destination.prelude)
    if not address.uri:
        return lines, server
    if block.proxy_pass.variable:
        return [*lines, f"set {variable} {server};"], f"{variable}{address.uri}"
    if has_variable(address.uri):
        return lines, f"{server}{address.uri}"
    return [*lines, *_prefix_rewrite(location, block)], server


def _prefix_rewrite(location: CanaryLocation, block: IfBlock) -> list[str]:
    """What the URI in a pass does, as a rewrite: a pass in an `if` must not have a URI. Raises Refused."""
    one, uri = block.proxy_pass.directive, block.target.address.uri
    if location.block is None:
        raise one.refusal("this pass replaces the prefix of a location that the files do not show")
    if not _PLAIN_URI.fullmatch(uri):
        raise one.refusal(f"the URI {uri} in this pass cannot be written as a rewrite that means the same")
    _refuse_other_rewrites(block)
    prefix = re.escape(location.block.values[-1]).replace("\\\\", "\\\\\\\\").replace('"', '\\"')
    until_break = takewhile(lambda step: step.directive.name != "break", block.phase.tail)
    return [*(as_line(step.directive) for step in until_break), f'rewrite "(?s)^{prefix}(.*)" "{uri}$1" break;']


def _refuse_other_rewrites(block: IfBlock) -> None:
    """Raise Refused if steps of the location cannot be combined with a rewrite of the prefix."""
    for step in (*block.phase.head, *block.phase.tail):
        if step.directive.name == "rewrite" and len(step.directive.args) == 2:
            raise step.directive.refusal("this rewrite goes on to look for another location, and the pass has a URI")
    if any(step.directive.name == "if" for step in block.phase.tail):
        raise block.proxy_pass.directive.refusal(
            "an `if` comes after a rewrite that ends rewriting, and the pass has a URI"
        )
