"""The mark of what gatewayctl wrote: an entry in the metadata of a route, a cluster or a locality.

A name cannot be the mark. Filters and access logs look at a route's name, so a copy has to keep the one of stable.
"""

import re

from yaml.nodes import MappingNode, Node, ScalarNode

from gatewayctl.gateways.envoy.fields import is_null, message, snake, text
from gatewayctl.gateways.envoy.writer import MessageWriter, replace_field, set_field
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import mapping, quote, with_pairs

OWNER = "gatewayctl"
RULE = "rule"

# Earlier versions gave a route this name, and no other mark.
_MARKING_NAME = re.compile(r"gatewayctl-[a-z0-9-]+-canary")
_SHARE_NAME = re.compile(r"gatewayctl-[a-z0-9-]+-canary-share")


def read_mark(found: dict[str, Node]) -> str:
    """The rule that a message with these fields was written for; empty if people wrote it."""
    node = found.get("metadata")
    for name in ("filter_metadata", OWNER, RULE):
        if not isinstance(node, MappingNode):
            return ""
        inside = {snake(key.value): value for key, value in node.value if isinstance(key, ScalarNode)}
        node = inside.get(name)
    return text(node)


def read_route_mark(found: dict[str, Node]) -> str:
    """The rule that a route was written for; empty if people wrote it. Older versions had the mark in its name."""
    return read_mark(found) or marking_name(text(found.get("name")))


def marking_name(name: str) -> str:
    """The name of a route if it is the mark of an older version, else empty."""
    return name if _MARKING_NAME.fullmatch(name) else ""


def is_share_mark(mark: str) -> bool:
    """Whether a mark is that of a route which sends a share of the unmarked requests to a canary."""
    return _SHARE_NAME.fullmatch(mark) is not None


def with_mark(fragment: Fragment, writer: MessageWriter, holder: MappingNode, rule: str) -> MappingNode:
    """The message `holder` with the mark of `rule` in its metadata; new metadata is its last field. Raises Refused."""
    metadata = message(fragment, holder, "a message").field("metadata").node
    marked = marked_metadata(fragment, writer, metadata, holder, rule)
    return set_field(writer, holder, "metadata", marked)


def marked_metadata(
    fragment: Fragment, writer: MessageWriter, metadata: Node | None, like: MappingNode, rule: str
) -> MappingNode:
    """`metadata` with the mark of `rule`, or new metadata in the style of `like`. Raises Refused."""
    mark = writer.entry(OWNER, mapping([writer.entry(RULE, quote(rule))], like))
    if not isinstance(metadata, MappingNode):
        _refuse_unless_null(fragment, metadata)
        return writer.message(like, filter_metadata=mapping([mark], like))
    filters = message(fragment, metadata, "metadata").field("filter_metadata").node
    if not isinstance(filters, MappingNode):
        _refuse_unless_null(fragment, filters)
        return set_field(writer, metadata, "filter_metadata", mapping([mark], metadata))
    others = [pair for pair in filters.value if text(pair[0]) != OWNER]
    return replace_field(metadata, "filter_metadata", with_pairs(filters, [*others, mark]))


def _refuse_unless_null(fragment: Fragment, node: Node | None) -> None:
    if node is not None and not is_null(node):
        raise fragment.wrong_type(node, "metadata")
