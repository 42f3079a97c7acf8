"""What a configuration asks of a gateway whose kind cannot do it."""

from gatewayctl.config.model import FileModel
from gatewayctl.gateways.registry import GATEWAYS, gateway
from gatewayctl.yamlfile import YamlFile


def find_unfit_uris(model: FileModel, file: YamlFile) -> list[str]:
    """A fault for each application with a canary_uri whose gateway sends to addresses only."""
    found = []
    for name, app in model.apps.items():
        kind = next((one.kind for key, one in model.every_gateway.items() if app.gateway in {"", key}), "")
        if app.canary_uri and kind in GATEWAYS and not gateway(kind).dialect.limits.by_uri:
            kinds = " and ".join(one for one in sorted(GATEWAYS) if gateway(one).dialect.limits.by_uri)
            reason = f"a gateway of kind {kind} sends to addresses only: canary_uri goes with {kinds}"
            found.append(file.at(("apps", name, "canary_uri"), reason))
    return found


def find_unfit_registries(model: FileModel, file: YamlFile) -> list[str]:
    """A fault for each registry that its gateway cannot look anything up in, or that nobody could ask."""
    found = []
    for name, one in model.every_gateway.items():
        place = ("gateways", name, "registry") if name else ("gateway", "registry")
        if one.registry and one.kind in GATEWAYS and not gateway(one.kind).dialect.limits.by_uri:
            found.append(file.at(place, f"a gateway of kind {one.kind} looks nothing up in a registry"))
        elif one.registry and one.registry.kind == "actuator" and not one.admin and model.platform.kind == "kubernetes":
            found.append(file.at(place, "kind actuator needs the gateway's admin: the port of its actuator"))
    return found
