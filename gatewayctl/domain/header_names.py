"""Which headers cannot mark requests, and why: a name that means something else on its way, or does not arrive."""

from gatewayctl.domain.routing import STAMP_HEADER

_IN_EVERY_REQUEST = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "authorization",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "date",
        "expect",
        "from",
        "host",
        "origin",
        "pragma",
        "range",
        "referer",
        "user-agent",
    }
)
_OF_ONE_CONNECTION = frozenset(
    {
        "connection",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_BY_GATEWAYS = frozenset({"forwarded", "via", "x-real-ip", "x-request-id", "traceparent", "tracestate"})
_FAMILIES_IN_REQUESTS = ("if-", "sec-", "access-control-")
_FAMILIES_BY_GATEWAYS = ("x-forwarded-", "x-envoy-", "x-b3-")


def why_unusable(name: str) -> str:
    """Why a header of this name cannot mark requests; empty when it can."""
    if name == STAMP_HEADER:
        return "gatewayctl itself marks answers with it"
    if name in _OF_ONE_CONNECTION:
        return "it belongs to one connection, and a gateway does not pass it on"
    if name in _IN_EVERY_REQUEST or name.startswith(_FAMILIES_IN_REQUESTS):
        return "it has a meaning of its own in requests"
    if name in _BY_GATEWAYS or name.startswith(_FAMILIES_BY_GATEWAYS):
        return "gateways write or remove it themselves"
    return ""
