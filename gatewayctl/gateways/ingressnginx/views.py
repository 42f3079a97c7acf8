"""Paths of Ingresses as they are shown to people, and a request that each of them takes."""

import re
from collections.abc import Iterator

from gatewayctl.domain.routing import Example, RouteView, rule_name, share_name
from gatewayctl.gateways.examples import ExampleMaker
from gatewayctl.gateways.ingressnginx.ingress import Backend, Ingress
from gatewayctl.gateways.ingressnginx.resource import PREFIX

_PLAIN_PATH = re.compile(r"[\w/.~%:@!,;=-]*")
_KINDS = {"Exact": "path", "Prefix": "prefix"}


def views_of(ingress: Ingress) -> Iterator[RouteView]:
    """Its paths; for a canary of ours the rule of each path, and its share if there is one.

    A canary of ours that no gateway looks at yet has none.
    """
    for backend in ingress.backends if ingress.is_active else ():
        if not backend.service:
            continue
        if not ingress.owner:
            yield describe(ingress, backend)
            continue
        app = ingress.owner.removeprefix("gatewayctl-").removesuffix("-canary")
        yield describe(ingress, backend, rule_name(app), header=ingress.header)
        if ingress.share:
            yield describe(ingress, backend, share_name(app), share=ingress.share)


def describe(ingress: Ingress, backend: Backend, name: str = "", *, header: str = "", share: int = 0) -> RouteView:
    """One path; `name`, `header` and `share` are those of a rule of ours."""
    kind = "regex" if _is_regex(ingress, backend) else _KINDS.get(backend.path_type, "prefix")
    where = "every other request" if backend.is_default else f"{kind} {backend.path or '/'}"
    return RouteView(
        file=ingress.fragment.file,
        line=ingress.fragment.line(backend.node),
        place=ingress.full_name,
        match=f"{backend.host} {where}".strip(),
        target=backend.service,
        name=name,
        header=header,
        share=share,
    )


def example_of(ingress: Ingress, backend: Backend) -> Example:
    """A request that this path takes."""
    maker = ExampleMaker((backend.host,) if backend.host else ())
    path = backend.path or "/"
    if _is_regex(ingress, backend):
        maker.take_expression(f"^{path}", "a regular expression")
    elif backend.path_type == "Exact":
        maker.take_exactly(path)
    else:
        maker.take_prefix(path, whole=backend.path_type == "Prefix")
    if backend.is_default:
        maker.block("it gets what no other path takes")
    return maker.example()


def _is_regex(ingress: Ingress, backend: Backend) -> bool:
    """Whether the controller reads the path as a regular expression: with these annotations it does so for all paths.

    A path without special characters takes the same requests either way.
    """
    uses = ingress.annotations.get(f"{PREFIX}use-regex") == "true" or f"{PREFIX}rewrite-target" in ingress.annotations
    return uses and not _PLAIN_PATH.fullmatch(backend.path)
