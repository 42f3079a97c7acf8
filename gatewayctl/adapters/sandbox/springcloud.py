"""How Spring Cloud Gateway is started as a gateway replica; everything product-specific about running one is here."""

import os
import shutil
from pathlib import Path

from gatewayctl.adapters.sandbox.product import Launch, SandboxProduct
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.gateways.springcloud import jvm_command as java
from gatewayctl.gateways.springcloud.checker import PROGRAM


def program() -> Path:
    """The jar of a gateway. Raises EnvironmentFailed when there is none, or no Java to run it."""
    if not shutil.which("java"):
        raise EnvironmentFailed(
            "the sandbox needs Java for a real Spring Cloud Gateway, and there is none on PATH",
            hint="install it, for example: apt-get install openjdk-17-jdk-headless maven",
        )
    found = Path(os.environ.get(PROGRAM, ""))
    if not found.is_file():
        raise EnvironmentFailed(
            f"the sandbox needs the jar of a Spring Cloud Gateway, and {PROGRAM} does not name one",
            hint=f"in a checkout: export {PROGRAM}=$(make -s spring-gateway)",
        )
    return found


def command(launch: Launch) -> tuple[str, ...]:
    """The command line of one replica: the team's own file, with the address and the name server of a pod."""
    surroundings = {
        "spring.config.location": f"file:{launch.bootstrap}",
        "management.server.address": launch.address,
        "management.server.port": launch.admin,
        "gateway.name-server.address": launch.resolver,
        "gateway.name-server.port": launch.resolver_port,
    }
    told = (f"--{name}={value}" for name, value in surroundings.items())
    return java.command(program(), *told)


PRODUCT = SandboxProduct("application.yml", "/actuator/health", program, command)
