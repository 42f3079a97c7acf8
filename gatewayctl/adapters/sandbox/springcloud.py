"""How the sandbox starts Spring Cloud Gateway as a gateway replica."""

import os
import shutil
from pathlib import Path

from gatewayctl.adapters.sandbox.product import Launch, SandboxProduct
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.gateways.springcloud import jvm_command as java
from gatewayctl.gateways.springcloud.checker import PROGRAM


def program() -> Path:
    """The jar of the gateway. Raises EnvironmentFailed when there is no jar, or no Java to run it."""
    if not shutil.which("java"):
        raise EnvironmentFailed(
            "the sandbox needs Java for a real Spring Cloud Gateway, and there is none on PATH",
            hint="install it, for example: apt-get install openjdk-17-jdk-headless maven",
        )
    jar = Path(os.environ.get(PROGRAM, ""))
    if not jar.is_file():
        raise EnvironmentFailed(
            f"the sandbox needs the jar of a Spring Cloud Gateway, and {PROGRAM} does not name one",
            hint=f"in a checkout: export {PROGRAM}=$(make -s spring-gateway)",
        )
    return jar


def command(launch: Launch) -> tuple[str, ...]:
    """The command line of one replica: the team's file, with the address and the name server that a pod would have."""
    overrides = {
        "spring.config.location": f"file:{launch.bootstrap}",
        "management.server.address": launch.address,
        "management.server.port": launch.admin,
        "gateway.name-server.address": launch.resolver,
        "gateway.name-server.port": launch.resolver_port,
    }
    options = (f"--{name}={value}" for name, value in overrides.items())
    return java.command(program(), *options)


PRODUCT = SandboxProduct("application.yml", "/actuator/health", program, command)
