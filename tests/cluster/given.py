"""A person's own cluster instead of one made for the tests; only when they name its context on purpose.

Tests make and delete namespaces. KUBECONFIG is set in many a shell, and may well lead to production: so it is refused
alone, and never used silently.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from gatewayctl.domain.errors import EnvironmentFailed, UsageFault
from tests.cluster import images
from tests.cluster.place import CONFIRMED, ENTERED
from tests.cluster.programs import binaries


def context(environment: Mapping[str, str] = os.environ) -> str:
    """The context to use; nothing where the tests make a cluster of their own. Raises UsageFault when not confirmed."""
    if not environment.get("KUBECONFIG") or environment.get(ENTERED):
        return ""
    current, named = _current(environment["KUBECONFIG"]), environment.get(CONFIRMED, "")
    if named == current:
        return current
    found = f"{CONFIRMED} is {named}" if named else f"{CONFIRMED} is not set"
    raise UsageFault(
        f"KUBECONFIG is set, its current context is {current}, and {found}: "
        "the tests make and delete namespaces, and do so nowhere unasked",
        hint=f"to use that cluster: {CONFIRMED}={current} make e2e; to have one made: env -u KUBECONFIG make e2e",
    )


def reachable(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether tests that need a cluster have one: ours around them, or a confirmed one."""
    return bool(environment.get(ENTERED) or (environment.get(CONFIRMED) and context(environment)))


def run(name: str, command: Sequence[str]) -> int:
    """Run the command on the confirmed cluster; its exit code. Raises EnvironmentFailed when it does not answer."""
    from gatewayctl.adapters.kubernetes.client.api import connect

    version = connect(name).get("/version").get("gitVersion", "of an unknown version")
    path = os.pathsep.join([os.environ.get("PATH", ""), str(binaries())])
    if not shutil.which("kubectl", path=path):
        raise EnvironmentFailed("there is no kubectl on PATH", hint="install it, or: python -m tests.cluster build")
    sys.stderr.write(
        f"on your cluster {name}, Kubernetes {version}; its nodes must have these images:\n"
        + "".join(f"  {image}\n" for image in needed())
        + "`python -m tests.cluster build` writes their archives below ~/.cache/gatewayctl (kind load, ctr import)\n"
    )
    done = subprocess.run(list(command), env={**os.environ, "PATH": path, CONFIRMED: name})
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def needed() -> tuple[str, ...]:
    """The images that tests run."""
    return tuple(image.names[0] for image in (*images.shop(), images.envoy(), images.traefik(), images.gatewayctl()))


def _current(kubeconfig: str) -> str:
    from kubernetes import config
    from yaml import YAMLError

    try:
        _, active = config.list_kube_config_contexts(kubeconfig)
    except (config.ConfigException, YAMLError, OSError, TypeError, ValueError) as fault:
        raise UsageFault(
            f"KUBECONFIG is {kubeconfig}: {fault}", hint="correct it, or: env -u KUBECONFIG make e2e"
        ) from fault
    return str(active["name"])
