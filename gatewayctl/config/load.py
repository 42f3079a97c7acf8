"""Reads a gatewayctl.yaml, and reports all its faults together, each with file and line."""

import os
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from gatewayctl.config.model import AppModel, FileModel, GatewayModel, PytestModel
from gatewayctl.config.spec import GatewaySpec, PlatformSpec, RunnerSpec, Spec
from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.release import Load, Suite, Target, Timings, Trial
from gatewayctl.domain.unproven import Unproven
from gatewayctl.yamlfile import FileFault, FileMissing, YamlFile, parse_yaml, read_bounded

_TRY = "name one with --config, or try the whole job with: gatewayctl demo"
DEMO = Path(".gatewayctl/demo/gateway-config/gatewayctl.yaml")


class ConfigFault(FileFault):
    """A gatewayctl.yaml that cannot be used; one line per fault, each with file and line."""


def find(given: Path | None) -> Path:
    """The file to use: `given`, else $GATEWAYCTL_CONFIG, else ./gatewayctl.yaml, else the one of the last demo."""
    if given is not None:
        return given
    if named := os.environ.get("GATEWAYCTL_CONFIG"):
        return Path(named)
    here = Path("gatewayctl.yaml")
    return DEMO if not here.exists() and DEMO.exists() else here


def load(path: Path) -> Spec:
    """The spec of one file. Raises ConfigFault."""
    try:
        text = read_bounded(path)
    except FileMissing as fault:
        raise ConfigFault(str(fault), hint=_TRY) from fault
    except FileFault as fault:
        raise ConfigFault(str(fault)) from fault
    return parse(text, path)


def parse(text: str, path: Path) -> Spec:
    """The spec in `text`; `path` is its file, or the name to show for a text from elsewhere. Raises ConfigFault."""
    try:
        file = parse_yaml(text, path, "version, platform, gateway and apps")
    except FileFault as fault:
        raise ConfigFault(str(fault)) from fault
    try:
        model = FileModel.model_validate(file.data)
    except ValidationError as fault:
        raise ConfigFault("\n".join(file.faults(fault)), hint="see docs/configuration.md") from fault
    if wrong := [*_find_unknown_gateways(model, file), *_find_shared_canaries(model, file)]:
        raise ConfigFault("\n".join(wrong), hint="see docs/configuration.md")
    return _to_spec(model, path, text)


def _find_unknown_gateways(model: FileModel, file: YamlFile) -> list[str]:
    """A fault for each application that names a gateway that does not exist, or none where there are several."""
    names = ", ".join(model.gateways)
    found = []
    for name, app in model.apps.items():
        if app.gateway and app.gateway not in model.gateways:
            reason = f"expected one of {names}" if names else "there is only one gateway, and it has no name"
            found.append(file.at(("apps", name, "gateway"), reason))
        elif not app.gateway and len(model.gateways) > 1:
            found.append(file.at(("apps", name), f"expected gateway: the one it is behind, of {names}"))
    return found


def _find_shared_canaries(model: FileModel, file: YamlFile) -> list[str]:
    """A fault for each application that shares its canary with another one: their releases would change it at once."""
    found: list[str] = []
    owners: dict[str, str] = {}
    for name, app in model.apps.items():
        canary = _to_target(name, app).canary
        if owners.setdefault(canary, name) != name:
            found.append(file.at(("apps", name), f"its canary {canary} is the canary of {owners[canary]}"))
    return found


def _to_spec(model: FileModel, path: Path, text: str) -> Spec:
    folder = path.parent
    only = next(iter(model.every_gateway)) if len(model.every_gateway) == 1 else ""
    return Spec(
        file=path,
        text=text,
        platform=_to_platform(model, folder),
        gateways={name: _to_gateway(one, model.platform.namespace) for name, one in model.every_gateway.items()},
        apps={
            name: replace(_to_app(name, app, folder), gateway=app.gateway or only) for name, app in model.apps.items()
        },
    )


def _to_platform(model: FileModel, folder: Path) -> PlatformSpec:
    platform = model.platform
    return PlatformSpec(
        kind=platform.kind,
        namespace=platform.namespace,
        context=platform.context,
        world=folder / platform.world,
        runner=RunnerSpec(platform.runner.image, platform.runner.account),
    )


def _to_gateway(gateway: GatewayModel, namespace: str) -> GatewaySpec:
    """`namespace` is that of the applications; it is used for a gateway that names no other."""
    store = gateway.config
    return GatewaySpec(
        kind=gateway.kind,
        namespace=gateway.namespace or namespace,
        selector=gateway.replicas.selector if gateway.replicas else "",
        config_map=store.config_map if store else "",
        keys=(store.keys or (store.key,)) if store else (),
        traffic=gateway.traffic,
        admin=gateway.admin or 0,
        container=gateway.container,
        routes=gateway.routes,
    )


def _to_target(name: str, app: AppModel) -> Target:
    stable = app.stable or name
    service = app.service or name
    return Target(
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
        fallback=app.fallback == "stable",
        paths=app.probe.paths,
    )


def _to_suite(pytest: PytestModel, folder: Path) -> Suite:
    unproven = tuple(Unproven(tests, reason) for tests, reason in pytest.unproven.items())
    return Suite(str(folder / pytest.path), pytest.timeout, pytest.reruns, unproven)


def _to_app(name: str, app: AppModel, folder: Path) -> AppSpec:
    pytest, locust = app.smoke.pytest, app.smoke.locust
    return AppSpec(
        target=_to_target(name, app),
        header=app.header.name,
        value="" if app.header.value == "per-release" else app.header.value,
        standing=app.route == "standing",
        trial=Trial(
            suite=_to_suite(pytest, folder) if pytest else None,
            load=Load(**{**locust.model_dump(), "file": str(folder / locust.file)}) if locust else None,
            timings=Timings(**app.timings.model_dump()),
        ),
        container=app.container,
    )
