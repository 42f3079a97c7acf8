"""Finds the Ingresses in files of Kubernetes objects, and other objects that may name a Service."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from yaml.nodes import Node, ScalarNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.api_objects import api_value
from gatewayctl.gateways.ingressnginx.ingress import Backend, Ingress
from gatewayctl.gateways.yamltext.cursor import Cursor
from gatewayctl.gateways.yamltext.document import template_mark
from gatewayctl.gateways.yamltext.fragments import Fragment, Source, manifests_of, pairs_of, read
from gatewayctl.gateways.yamltext.nodes import is_null, text

_API = "networking.k8s.io/v1"
_GROUPS = ("networking.k8s.io/", "extensions/")
# A line that ends a document. Inside one no line begins like this.
_END = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True, eq=False)
class IngressFile:
    """The Ingresses of one file, in its order; `kinds` are those of all other objects."""

    source: Source
    ingresses: list[Ingress] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)


def read_files(files: Files) -> list[IngressFile]:
    """The files, parsed. Raises Refused, also if none of them holds an Ingress."""
    found = [read_file(file) for file in files]
    if not any(one.ingresses for one in found):
        kinds = ", ".join(sorted({kind for one in found for kind in one.kinds})[:10])
        tail = f", only {kinds}" if kinds else ""
        raise Refused(", ".join(file.name for file in files), 0, f"holds no Ingress of {_API}{tail}")
    return found


def ingresses_of(files: Iterable[IngressFile]) -> Iterator[Ingress]:
    """Every Ingress, in the order of the files."""
    return (one for file in files for one in file.ingresses)


@lru_cache(maxsize=8)
def read_file(file: SourceFile) -> IngressFile:
    """The objects in `file`. Raises Refused."""
    found = IngressFile(read(file, None))
    for fragment in found.source.fragments:
        for root in fragment.roots:
            for node in manifests_of(root) or ():
                top = pairs_of(node)
                kind, api = text(top.get("kind")), text(top.get("apiVersion"))
                if kind == "Ingress" and api.startswith(_GROUPS):
                    found.ingresses.append(_read_ingress(fragment, root, node, api))
                else:
                    found.kinds.append(kind)
    return found


def _read_ingress(fragment: Fragment, root: Node, node: Node, api: str) -> Ingress:
    top = api_value(fragment, node, "an Ingress")
    metadata, spec = top.field("metadata"), top.field("spec")
    name = metadata.field("name").text
    if api != _API:
        reason = f"Ingress {name} is written in {api}: this version is gone from current clusters"
        raise fragment.refusal(node, reason, hint=f"migrate it to {_API} first")
    found = Ingress(
        fragment,
        node,
        name,
        metadata.field("namespace").text,
        _text(spec.field("ingressClassName")),
        _texts(metadata.field("annotations")),
        _texts(metadata.field("labels")),
        tuple(_read_tls(one) for one in spec.field("tls", "a list of certificates").items("a certificate")),
        _end_of(fragment, root),
    )
    default = spec.field("defaultBackend")
    if default.node is not None and not is_null(default.node):
        found.backends.append(_read_backend(default, default.node, is_default=True))
    for rule in spec.field("rules", "a list of rules").items("a rule"):
        host = _text(rule.field("host"))
        for path in rule.field("http").field("paths", "a list of paths").items("a path"):
            assert path.node is not None  # noqa: S101 (it is an item of a list)
            where = {"host": host, "path": _text(path.field("path")), "path_type": _text(path.field("pathType"))}
            found.backends.append(_read_backend(path.field("backend"), path.node, **where))
    return found


def _end_of(fragment: Fragment, root: Node) -> int:
    end = _END.search(fragment.text, root.end_mark.index)
    return end.start() if end else len(fragment.text)


def _read_backend(backend: Cursor, node: Node, **where: Any) -> Backend:
    service = backend.field("service")
    port = service.field("port")
    number = _text(port.field("number"))
    if number and not number.isdecimal():
        raise backend.fragment.wrong_type(port.fields["number"], "the number of a port")
    return Backend(node, _text(service.field("name")), int(number) if number else _text(port.field("name")), **where)


def _read_tls(one: Cursor) -> dict[str, Any]:
    hosts = [_text(host) for host in one.field("hosts", "a list of host names").items("a host name")]
    secret = _text(one.field("secretName"))
    return {**({"hosts": hosts} if hosts else {}), **({"secretName": secret} if secret else {})}


def _texts(values: Cursor) -> dict[str, str]:
    """A mapping of texts, such as annotations. Raises Refused."""
    return {name: _text(values.field(name)) for name in values.fields}


def _text(value: Cursor) -> str:
    """A text; empty where there is none. Raises Refused, also for one that a template engine would fill in."""
    if value.node is None or is_null(value.node):
        return ""
    if not isinstance(value.node, ScalarNode):
        raise value.fragment.wrong_type(value.node, value.what)
    return value.text


def refuse_templates(ingress: Ingress) -> None:
    """Raise Refused if a value of the Ingress is left to a template engine: its copy could not be compared."""
    values = [*ingress.annotations.values(), ingress.name, ingress.namespace, ingress.class_name]
    values += [part for one in ingress.backends for part in (one.host, one.path, one.service)]
    mark = next((found for value in values if (found := template_mark(value))), "")
    if mark:
        reason = f"part of Ingress {ingress.name} is left to a template ({mark})"
        raise ingress.fragment.refusal(ingress.node, reason, hint="edit the rendered file")
