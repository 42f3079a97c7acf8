"""Read a gatewayctl.yaml: every fault with its file and line, all together; or one frozen spec."""

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gatewayctl.config.model import AppModel, FileModel
from gatewayctl.config.spec import GatewaySpec, PlatformSpec, Spec
from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.release import Load, Suite, Target, Timings

_LARGEST = 1_000_000  # bytes; a configuration is small, and the file may come from anywhere
DEMO = Path(".gatewayctl/demo/gateway-config/gatewayctl.yaml")


class ConfigFault(UsageFault):
    """A gatewayctl.yaml that cannot be used; one line per fault, each with file and line."""


def find(given: Path | None) -> Path:
    """The configuration to use: the one given, $GATEWAYCTL_CONFIG, ./gatewayctl.yaml, or what the last demo left."""
    if given is not None:
        return given
    if named := os.environ.get("GATEWAYCTL_CONFIG"):
        return Path(named)
    here = Path("gatewayctl.yaml")
    return DEMO if not here.exists() and DEMO.exists() else here


def load(path: Path) -> Spec:
    """The spec of one file. Raises ConfigFault."""
    text = _read(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as fault:
        raise ConfigFault(f"{path}{_line_of(fault)}: not readable as YAML: {_first_line(fault)}") from fault
    if not isinstance(data, dict):
        raise ConfigFault(f"{path}:1: expected a mapping with version, platform, gateway and apps")
    duplicates = _duplicates(root, str(path))
    if duplicates:
        raise ConfigFault("\n".join(duplicates))
    try:
        model = FileModel.model_validate(data)
    except ValidationError as fault:
        raise ConfigFault("\n".join(_faults(fault, root, path)), hint="see docs/configuration.md") from fault
    return _spec(model, path)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigFault(f"{path}: larger than {_LARGEST} bytes")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as fault:
        raise ConfigFault(
            f"{path}: there is no such file",
            hint="name one with --config, or try the whole job with: gatewayctl demo",
        ) from fault
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigFault(f"{path}: cannot be read: {fault}") from fault


def _line_of(fault: Exception) -> str:
    mark = getattr(fault, "problem_mark", None)
    return f":{mark.line + 1}" if mark else ""


def _first_line(fault: Exception) -> str:
    return str(getattr(fault, "problem", None) or fault).splitlines()[0]


def _duplicates(node: yaml.Node | None, file: str) -> list[str]:
    """A key given twice: YAML lets the last one win in silence, we do not."""
    found: list[str] = []
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                found.append(f"{file}:{line}: {key.value} is given twice, first in line {seen[key.value]}")
            seen.setdefault(str(key.value), line)
            found += _duplicates(value, file)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found += _duplicates(value, file)
    return found


def _faults(fault: ValidationError, root: yaml.Node | None, path: Path) -> list[str]:
    """One line per fault: `file:line: path: what is wrong`."""
    lines = []
    for error in fault.errors(include_url=False, include_context=False):
        where = [part for part in error["loc"] if part != "[key]"]
        dotted = ".".join(str(part) for part in where) or "file"
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            message = "unknown key"
        elif error["type"] == "missing":
            message = "is missing"
        else:
            message += f" (found {str(error['input'])[:60]!r})" if not isinstance(error["input"], dict) else ""
        lines.append((_line(root, where), f"{dotted}: {message}"))
    return [f"{path}:{line}: {text}" for line, text in sorted(lines)]


def _line(root: yaml.Node | None, where: list[Any]) -> int:
    """The line of the deepest part of `where` that exists, from 1."""
    node, line = root, 1
    for part in where:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _spec(model: FileModel, path: Path) -> Spec:
    folder = path.parent
    return Spec(
        file=path,
        platform=PlatformSpec(model.platform.kind, model.platform.namespace, folder / model.platform.world),
        gateway=GatewaySpec(model.gateway.kind),
        apps={name: _app(name, app, folder) for name, app in model.apps.items()},
    )


def _app(name: str, app: AppModel, folder: Path) -> AppSpec:
    stable = app.stable or name
    service = app.service or name
    target = Target(
        app=name,
        stable=stable,
        canary=app.canary or f"{stable}-canary",
        service=service,
        canary_service=app.canary_service or f"{service}-canary",
        identify=Identify(header=app.identify.header, pointer=app.identify.pointer),
        host=app.probe.host,
        path=app.probe.path,
        canary_host=app.canary_host,
        headers=tuple(app.probe.headers.items()),
    )
    pytest, locust = app.smoke.pytest, app.smoke.locust
    return AppSpec(
        target=target,
        header=app.header.name,
        value="" if app.header.value == "per-release" else app.header.value,
        standing=app.route == "standing",
        suite=Suite(str(folder / pytest.path), pytest.timeout, pytest.reruns) if pytest else None,
        load=Load(**{**locust.model_dump(), "file": str(folder / locust.file)}) if locust else None,
        timings=Timings(**app.timings.model_dump()),
    )
