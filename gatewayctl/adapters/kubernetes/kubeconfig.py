"""Which cluster is meant, as whom: a kubeconfig in every form that the client library reads, or the Pod's own account.

What the library says of a file that is none is about Python's lists; here it is told by the file's name.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.nesting import TooDeep

if TYPE_CHECKING:
    from kubernetes.client import Configuration

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a Pod finds the token, the CA and the namespace of its ServiceAccount."""

_USUAL = "~/.kube/config"
_LARGEST = 16 * 1024 * 1024  # bytes of one file
_HINT = "set KUBECONFIG, or platform.context in gatewayctl.yaml; see: kubectl config get-contexts"


@dataclass(frozen=True, slots=True)
class Access:
    """The client library's settings, and what they were found as: a context's name, or the Pod's account."""

    settings: "Configuration"
    found: str


def access(context: str = "", file: str = "", account: Path = ACCOUNT) -> Access:
    """What kubectl would use: `file`, $KUBECONFIG or ~/.kube/config; in a Pod without one its `account`.

    Raises EnvironmentFailed with the reason when none names a cluster.
    """
    from kubernetes import client, config

    settings = client.Configuration()
    if file or context or not _inside():
        return Access(settings, f"context {_loaded(settings, context, file or _named())}")
    try:
        config.incluster_config.InClusterConfigLoader(
            token_filename=str(account / "token"), cert_filename=str(account / "ca.crt")
        ).load_and_set(settings)
    except (config.ConfigException, OSError) as fault:
        raise EnvironmentFailed(f"no Kubernetes cluster is configured: {account}: {fault}", hint=_HINT) from fault
    return Access(settings, "the Pod's own account")


def own_namespace(context: str = "", account: Path = ACCOUNT) -> str:
    """The namespace of `context` (the current one, if empty), of the Pod we run in, or `default`."""
    if not context and _inside():
        mounted = account / "namespace"
        return mounted.read_text().strip() if mounted.exists() else "default"
    try:
        found = _context(context, _named())
    except EnvironmentFailed:
        return "default"  # access() has the words for it
    return str((found.get("context") or {}).get("namespace") or "default")


def _loaded(settings: "Configuration", context: str, file: str) -> str:
    """Fill `settings` from a kubeconfig; the name of the context that was used."""
    from kubernetes import config

    found = str(_context(context, file).get("name"))
    try:
        config.load_kube_config(file, context=context or None, client_configuration=settings)
    except (config.ConfigException, OSError) as fault:
        raise _unusable(file, fault) from fault
    except (TypeError, ValueError, KeyError, AttributeError) as fault:
        raise _no_kubeconfig(file) from fault
    return found


def _context(context: str, file: str) -> dict[str, Any]:
    """One context of a kubeconfig as it is spelled there. Raises EnvironmentFailed."""
    from kubernetes import config
    from yaml import YAMLError

    _check_limits(file)
    try:
        merged = config.kube_config.KubeConfigMerger(file).config
        if merged is None:
            raise _unusable(file, "there is no such file, or nothing is in it")
        chosen = merged["contexts"].get_with_name(context or merged["current-context"]).value
    except (config.ConfigException, OSError) as fault:
        raise _unusable(file, fault) from fault
    except YAMLError as fault:
        raise _unusable(file, "not YAML: " + " ".join(str(fault).split())) from fault
    except (TypeError, ValueError, KeyError, AttributeError) as fault:
        raise _no_kubeconfig(file) from fault
    if not isinstance(chosen, dict) or not isinstance(chosen.get("context") or {}, dict):
        raise _no_kubeconfig(file)
    return chosen


def _check_limits(file: str) -> None:
    """Refuse what the library's parser would not survive, in any of the files of a list. Raises EnvironmentFailed."""
    from yaml import YAMLError

    from gatewayctl.yamlloader import compose

    for path in (Path(name).expanduser() for name in file.split(os.pathsep) if name):
        if path.is_fifo():
            continue  # what is read here is gone for the library
        try:
            with path.open("rb") as stream:
                content = stream.read(_LARGEST + 1)
        except OSError:
            continue  # the library has the words for it
        if len(content) > _LARGEST:
            raise _unusable(str(path), f"larger than {_LARGEST} bytes")
        try:
            compose(content.decode(errors="replace"))
        except TooDeep as fault:
            raise _unusable(str(path), fault) from fault
        except (YAMLError, ValueError):
            continue


def _unusable(file: str, why: object) -> EnvironmentFailed:
    return EnvironmentFailed(f"no Kubernetes cluster is configured: {file}: {why}", hint=_HINT)


def _no_kubeconfig(file: str) -> EnvironmentFailed:
    return _unusable(file, "not a kubeconfig: expected clusters, contexts and users, each a list of named objects")


def _named() -> str:
    # The library looks at $KUBECONFIG once, when it is imported.
    return os.environ.get("KUBECONFIG") or _USUAL


def _inside() -> bool:
    """In a Pod, unless someone named another cluster."""
    if os.environ.get("KUBECONFIG") or Path(_USUAL).expanduser().exists():
        return False
    return "KUBERNETES_SERVICE_HOST" in os.environ
