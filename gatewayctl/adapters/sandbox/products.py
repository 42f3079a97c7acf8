"""The gateway products that the sandbox can run, by their `kind` in a world file.

Each is imported only when it is needed: a sandbox with one product needs none of the packages of the others.
"""

from collections.abc import Callable

from gatewayctl.adapters.sandbox.product import SandboxProduct


def product(kind: str) -> SandboxProduct:
    """The product called `kind`; the world file was checked, so there is one."""
    return _PRODUCTS[kind]()


def _envoy() -> SandboxProduct:
    from gatewayctl.adapters.sandbox.envoy import PRODUCT

    return PRODUCT


def _nginx() -> SandboxProduct:
    from gatewayctl.adapters.sandbox.nginx import PRODUCT

    return PRODUCT


def _spring_cloud() -> SandboxProduct:
    from gatewayctl.adapters.sandbox.springcloud import PRODUCT

    return PRODUCT


_PRODUCTS: dict[str, Callable[[], SandboxProduct]] = {
    "envoy": _envoy,
    "nginx": _nginx,
    "spring-cloud-gateway": _spring_cloud,
}
