"""Whether Spring would bind an edit: a real gateway, which serves no requests, binds the route lists alone.

A whole file of a user may need registries and configuration servers. So only its routes are given to the program, with
values for their placeholders.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import Files
from gatewayctl.gateways.springcloud.jvm_command import command
from gatewayctl.gateways.springcloud.locate import NEW, RouteList, SpringFile, read_file
from gatewayctl.gateways.springcloud.placeholders import Properties
from gatewayctl.gateways.springcloud.properties_file import as_yaml
from gatewayctl.gateways.springcloud.routes import owner, routes_of
from gatewayctl.gateways.yamltext.emit import document
from gatewayctl.gateways.yamltext.nodes import copy, plain, quote

PROGRAM = "GATEWAYCTL_SPRING_GATEWAY"  # names the jar
_SECONDS = 120.0
_LONGEST = 400
_MAX_NODES = 4_000_000
_PLACEHOLDER = re.compile(r"(?<!\\)\$\{([^{}:]+)\}")
_NOWHERE = "http://gatewayctl.invalid"


class SpringCloudChecker:
    """Implements ports.Checker with a real gateway that binds the routes. `program`: its jar; empty: by environment."""

    def __init__(self, program: str = "") -> None:
        self._program = program or os.environ.get(PROGRAM, "")

    def check(self, before: Files, after: Files) -> Validation:
        """Whether a gateway would bind the routes of `after`; not checked where it does not bind those of `before`."""
        java = shutil.which("java")
        if not java or not self._program:
            what = "no java on PATH" if not java else f"{PROGRAM} does not name the jar of a gateway"
            return Validation(ok=True, checked=False, detail=f"not checked: {what}")
        try:
            reason = self._find_reason(as_yaml(after))
            if reason and (old := self._find_reason(as_yaml(before))):
                detail = f"not checked: the gateway here does not load these routes, with or without the rule: {old}"
                return Validation(ok=True, checked=False, detail=detail)
        except (Refused, OSError, subprocess.TimeoutExpired) as fault:
            return Validation(ok=True, checked=False, detail=f"not checked: {fault}")
        return Validation(ok=not reason, checked=True, detail=reason)

    def _find_reason(self, files: Files) -> str:
        """Why a list of routes is not bound; empty when all are."""
        parsed = [read_file(file) for file in files]
        lookup = Properties(parsed)
        for route_list, ids in _find_route_lists(parsed, lookup):
            lines = self._run(_spell_list(route_list, lookup))
            bound = [line.split(" ")[1] for line in lines if line.startswith("route ")]
            if not bound or set(ids) - set(bound):
                faults = [line.removeprefix("fault ") for line in lines if line.startswith("fault ")]
                return (faults or lines or ["it says nothing"])[-1][:_LONGEST]
        return ""

    def _run(self, text: str) -> list[str]:
        """The lines that the gateway prints of a file with these routes. Raises OSError, TimeoutExpired."""
        with tempfile.TemporaryDirectory(prefix="gatewayctl-") as folder:
            routes = Path(folder) / "routes.yml"
            routes.write_text(text, encoding="utf-8")
            ended = subprocess.run(
                command(Path(self._program), "check"),
                cwd=folder,
                env={**os.environ, "ROUTES_FILE": str(routes)},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        return (ended.stdout or ended.stderr).splitlines()


def _find_route_lists(parsed: list[SpringFile], lookup: Properties) -> Iterator[tuple[RouteList, list[str]]]:
    """The lists that hold a rule of ours, with the ids of those rules; every list where none does."""
    routes = [route for one in parsed for route in routes_of(one, lookup)]
    ours = {id(route.route_list) for route in routes if owner(route.id)}
    for one in parsed:
        for route_list in one.route_lists:
            if route_list.routes.value and (not ours or id(route_list) in ours):
                yield route_list, [route.id for route in routes if route.route_list is route_list and owner(route.id)]


def _spell_list(route_list: RouteList, lookup: Properties) -> str:
    """A file with one list of routes, and with values for the placeholders in it."""
    whole = copy(route_list.fragment, route_list.routes, _MAX_NODES)
    assert isinstance(whole, SequenceNode)  # noqa: S101 (it is a list)
    names = sorted(set(_PLACEHOLDER.findall(route_list.fragment.source(route_list.routes))))
    pairs = [(plain(NEW), SequenceNode("", whole.value, flow_style=whole.flow_style))]
    known = [(_key(name), quote(lookup(name) or _NOWHERE)) for name in names]
    return document(MappingNode("", [*known, *pairs], flow_style=False))


def _key(name: str) -> ScalarNode:
    return quote(name)
