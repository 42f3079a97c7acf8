"""Reads a gatewayctl.yaml, and reports all its faults together, each with file and line."""

import copy
import os
from dataclasses import replace
from pathlib import Path

import yaml
from pydantic import ValidationError

from gatewayctl.config.fields import KEPT
from gatewayctl.config.metrics_model import PrometheusModel
from gatewayctl.config.model import TLS_FILES, AppModel, FileModel, GatewayModel, ProbeModel
from gatewayctl.config.registry_model import RegistryModel
from gatewayctl.config.smoke_model import LocustModel, PytestModel
from gatewayctl.config.spec import GatewaySpec, PlatformSpec, RegistrySpec, RunnerSpec, Spec
from gatewayctl.config.unfit_gateways import find_unfit_registries, find_unfit_uris
from gatewayctl.config.unfit_sources import find_unfit_sources
from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.platform import Tls
from gatewayctl.domain.prometheus import PrometheusSpec
from gatewayctl.domain.ramp import Promotion, Ramp
from gatewayctl.domain.release import Target
from gatewayctl.domain.smoke import SuiteSettings
from gatewayctl.domain.trial import Load, Suite, Timings, Trial
from gatewayctl.domain.unproven import Unproven
from gatewayctl.tls import TlsFault, client_context
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


def load(path: Path, *, with_files: bool = True) -> Spec:
    """The spec of one file. Raises ConfigFault, also where a PEM file cannot be used unless `with_files` is False."""
    try:
        text = read_bounded(path)
    except FileMissing as fault:
        raise ConfigFault(str(fault), hint=_TRY) from fault
    except FileFault as fault:
        raise ConfigFault(str(fault)) from fault
    spec = parse(text, path)
    if with_files and (wrong := _find_unusable_files(spec)):
        raise ConfigFault("\n".join(wrong), hint="see docs/configuration.md")
    return spec


def _find_unusable_files(spec: Spec) -> list[str]:
    """A fault for each application whose PEM files cannot be used. A text from elsewhere has its files elsewhere."""
    file = parse_yaml(spec.text, spec.file, "")
    found = []
    for name, app in spec.apps.items():
        tls = app.target.tls
        try:
            if tls and (tls.ca or tls.certificate):
                client_context(tls)
        except TlsFault as fault:
            found.append(file.at(("apps", name, "probe", fault.key), fault.reason))
    return found


def parse(text: str, path: Path) -> Spec:
    """The spec in `text`; `path` is its file. Raises ConfigFault."""
    return _parse(text, path, {})


def parse_kept(text: str, name: Path) -> Spec:
    """The spec that a release left in the cluster; `name` is what to call it. Raises ConfigFault.

    What only a newer gatewayctl refuses is taken: the way back of an open release must not end here.
    """
    return _parse(text, name, KEPT)


def _parse(text: str, path: Path, context: dict[str, bool]) -> Spec:
    try:
        file = parse_yaml(text, path, "version, platform, gateway and apps")
    except FileFault as fault:
        raise ConfigFault(str(fault)) from fault
    try:
        model = FileModel.model_validate(file.data, context=context)
    except ValidationError as fault:
        raise ConfigFault("\n".join(file.faults(fault)), hint="see docs/configuration.md") from fault
    checks = (
        _find_unknown_gateways,
        _find_shared_canaries,
        find_unfit_uris,
        find_unfit_registries,
        find_unfit_sources,
        _find_keys_for_workers,
    )
    if wrong := [fault for find_faults in checks for fault in find_faults(model, file)]:
        raise ConfigFault("\n".join(wrong), hint="see docs/configuration.md")
    return _to_spec(model, file, _without_values(text, model, file))


def _without_values(text: str, model: FileModel, file: YamlFile) -> str:
    """The text that others keep: without the values of variables for suites, because they may be secrets.

    Where it is read again, the values are taken from the environment, as for a variable without a value.
    """
    with_values = [name for name, app in model.apps.items() if app.smoke.pytest and any(app.smoke.pytest.env.values())]
    if not with_values:
        return text
    data = copy.deepcopy(file.data)  # a YAML alias is one object in two places
    for name in with_values:
        suite = data["apps"][name]["smoke"]["pytest"]
        suite["env"] = dict.fromkeys(suite["env"])
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


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
        canary = _canary_of(name, app)
        if owners.setdefault(canary, name) != name:
            found.append(file.at(("apps", name), f"its canary {canary} is the canary of {owners[canary]}"))
    return found


def _find_keys_for_workers(model: FileModel, file: YamlFile) -> list[str]:
    """A fault for each load whose Pods would need a private key: their files are in a ConfigMap, which others read."""
    return [
        file.at(
            ("apps", name, "smoke", "locust", "workers"), "the Pods of a load cannot be given probe.key; expected 0"
        )
        for name, app in model.apps.items()
        if model.platform.kind == "kubernetes" and app.probe.key and app.smoke.locust and app.smoke.locust.workers
    ]


def _to_spec(model: FileModel, file: YamlFile, text: str) -> Spec:
    path, folder = file.path, file.path.parent
    only = next(iter(model.every_gateway)) if len(model.every_gateway) == 1 else ""
    return Spec(
        file=path,
        text=text,
        platform=_to_platform(model, folder),
        gateways={name: _to_gateway(one, model.platform.namespace) for name, one in model.every_gateway.items()},
        apps={
            name: replace(
                _to_app(name, app, folder),
                gateway=app.gateway or only,
                suite_settings=_to_suite_settings(name, app, file),
            )
            for name, app in model.apps.items()
        },
        prometheus=_to_prometheus(model.metrics.prometheus, folder) if model.metrics else None,
    )


def _to_prometheus(found: PrometheusModel, folder: Path) -> PrometheusSpec:
    """Absolute paths, as for the files of a probe."""
    return PrometheusSpec(
        url=found.url.rstrip("/"),
        token_file=str(folder.absolute() / found.token) if found.token else "",
        ca=str(folder.absolute() / found.ca) if found.ca else "",
        timeout=found.timeout,
        every=found.every,
        stale=found.stale,
        counters=found.own_counters,
        signals=found.own_signals,
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
        registry=_to_registry(gateway.registry) if gateway.registry else None,
    )


def _to_registry(registry: RegistryModel) -> RegistrySpec:
    return RegistrySpec(**{**registry.model_dump(), "url": registry.url.rstrip("/")})


def _canary_of(name: str, app: AppModel) -> str:
    return app.canary or f"{app.stable or name}-canary"


def _to_target(name: str, app: AppModel, folder: Path) -> Target:
    service = app.service or name
    return Target(
        app=name,
        stable=app.stable or name,
        canary=_canary_of(name, app),
        service=service,
        canary_service=app.canary_service or f"{service}-canary",
        identify=Identify(header=app.identify.header, pointer=app.identify.pointer),
        host=app.probe.host,
        path=app.probe.path,
        canary_host=app.canary_host,
        headers=tuple(app.probe.headers.items()),
        fallback=app.fallback == "stable",
        paths=app.probe.paths,
        canary_uri=app.canary_uri,
        tls=_to_tls(app.probe, folder),
    )


def _to_app(name: str, app: AppModel, folder: Path) -> AppSpec:
    pytest, locust = app.smoke.pytest, app.smoke.locust
    return AppSpec(
        target=_to_target(name, app, folder),
        header=app.header.name,
        value="" if app.header.value == "per-release" else app.header.value,
        standing=app.route == "standing",
        trial=Trial(
            suite=_to_suite(pytest, folder) if pytest else None,
            load=_to_load(locust, folder) if locust else None,
            timings=Timings(**app.timings.model_dump()),
            ramp=app.ramp.ramp if app.ramp else Ramp(),
            promotion=Promotion(app.promote),
        ),
        container=app.container,
    )


def _to_tls(probe: ProbeModel, folder: Path) -> Tls | None:
    """Absolute paths: a suite may change its folder, and a release may be continued from another one."""
    if probe.scheme != "https":
        return None
    return Tls(**{key: str(folder.absolute() / file) for key in TLS_FILES if (file := getattr(probe, key))})


def _to_load(locust: LocustModel, folder: Path) -> Load:
    keys = {**locust.model_dump(), "users": locust.all_users, "classes": locust.classes}
    return Load(**{**keys, "file": str(folder / locust.file)})


def _to_suite(pytest: PytestModel, folder: Path) -> Suite:
    return Suite(
        path=str(folder / pytest.path),
        timeout=pytest.timeout,
        reruns=pytest.reruns,
        # Not resolved: a virtual environment's Python is a link to another one, and works by its own path only.
        python=str(folder / pytest.python) if pytest.python else "",
        args=pytest.args,
        env=tuple(pytest.env),
        unproven=tuple(Unproven(tests, reason) for tests, reason in pytest.unproven.items()),
    )


def _to_suite_settings(name: str, app: AppModel, file: YamlFile) -> SuiteSettings:
    if app.smoke.pytest is None:
        return SuiteSettings()
    suite = ("apps", name, "smoke", "pytest")
    return SuiteSettings(
        variables={name: value for name, value in app.smoke.pytest.env.items() if value is not None},
        places={key: file.at((*suite, key), "").rstrip(": ") for key in ("python", "env", "reruns")},
    )
