"""What a ramp is judged by, and nothing in the configuration tells."""

from gatewayctl.config.model import AppModel, FileModel
from gatewayctl.config.ramp_model import JudgeModel
from gatewayctl.gateways.prometheus_counters import PROMETHEUS_COUNTERS
from gatewayctl.yamlfile import YamlFile


def find_unfit_sources(model: FileModel, file: YamlFile) -> list[str]:
    """A fault for each ramp whose source has no server, or no counters for the signals that it is judged by."""
    found = []
    for name, app in model.apps.items():
        judge = app.ramp.judge if app.ramp else None
        if isinstance(judge, JudgeModel) and judge.source == "prometheus" and (why := _why_unfit(model, app, judge)):
            found.append(file.at(("apps", name, "ramp", "judge", "source"), why))
    return found


def _why_unfit(model: FileModel, app: AppModel, judge: JudgeModel) -> str:
    if model.metrics is None:
        return "prometheus needs metrics.prometheus.url"
    kind = next((one.kind for key, one in model.every_gateway.items() if app.gateway in {"", key}), "")
    if model.metrics.prometheus.counters or kind in PROMETHEUS_COUNTERS or judge.signals == "none":
        return ""
    return f"a gateway of kind {kind} has no known counters in Prometheus: name them under metrics.prometheus.counters"
