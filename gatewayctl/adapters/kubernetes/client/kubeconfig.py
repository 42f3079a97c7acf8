"""Which cluster to use, and as which user: from a kubeconfig, or inside a Pod from its ServiceAccount.

For a file that is not a kubeconfig the library raises a bare TypeError or KeyError; here the message names the file.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayctl.adapters.kubernetes.client.login import check_result, check_user, log_in, words_of
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
    """The client library's settings; `source` is where they came from: `context NAME`, or the Pod's own account."""

    settings: "Configuration"
    source: str


def find_access(context: str = "", file: str = "", account: Path = ACCOUNT) -> Access:
    """The access that kubectl would use: `file`, $KUBECONFIG or ~/.kube/config; in a Pod without one its `account`.

    Raises EnvironmentFailed with the reason when none names a cluster.
    """
    from kubernetes import client, config

    settings = client.Configuration()
    if file or context or not _is_in_pod():
        return Access(settings, f"context {_load(settings, context, file or _default_file())}")
    try:
        mounted = config.incluster_config.InClusterConfigLoader(
            token_filename=str(account / "token"), cert_filename=str(account / "ca.crt")
        )
        log_in(settings, mounted.load_and_set)
    except (config.ConfigException, OSError) as fault:
        raise EnvironmentFailed(
            f"no Kubernetes cluster is configured: {account}: {words_of(fault)}", hint=_HINT
        ) from fault
    return Access(settings, "the Pod's own account")


def own_namespace(context: str = "", account: Path = ACCOUNT) -> str:
    """The namespace of `context` (the current one, if empty), of the Pod we run in, or `default`."""
    if not context and _is_in_pod():
        mounted = account / "namespace"
        return mounted.read_text().strip() if mounted.exists() else "default"
    try:
        found = _read(context, _default_file())[1]
    except EnvironmentFailed:
        return "default"  # find_access raises the same fault when we connect
    return str((found.get("context") or {}).get("namespace") or "default")


def _load(settings: "Configuration", context: str, file: str) -> str:
    """Fill `settings` from a kubeconfig, and return the name of the context that was used. Raises EnvironmentFailed."""
    from kubernetes import config

    merged, chosen = _read(context, file)
    name = str(chosen.get("name"))
    try:
        user = _user_of(merged, chosen)
        check_user(user)
        # Without a function to keep changes: the library would write a renewed token into the person's file.
        loader = config.kube_config.KubeConfigLoader(merged, active_context=name, config_base_path=None)
        log_in(settings, loader.load_and_set)
        check_result(settings, user)
    except (config.ConfigException, OSError) as fault:
        raise _unusable(file, words_of(fault)) from fault
    except (TypeError, ValueError, KeyError, AttributeError) as fault:
        raise _no_kubeconfig(file) from fault
    except EnvironmentFailed as fault:
        raise type(fault)(f"{file}: context {name}: {fault}", hint=fault.hint) from fault
    return name


def _read(context: str, file: str) -> tuple[Any, dict[str, Any]]:
    """The merged kubeconfig, and its entry for `context`, the current one if empty. Raises EnvironmentFailed."""
    from kubernetes import config
    from yaml import YAMLError

    _check_limits(file)
    try:
        merged = config.kube_config.KubeConfigMerger(file).config
        if merged is None:
            raise _unusable(file, "there is no such file, or nothing is in it")
        chosen = merged["contexts"].get_with_name(context or merged["current-context"]).value
    except (config.ConfigException, OSError) as fault:
        raise _unusable(file, words_of(fault)) from fault
    except YAMLError as fault:
        raise _unusable(file, _not_yaml(fault)) from fault
    except (TypeError, ValueError, KeyError, AttributeError) as fault:
        raise _no_kubeconfig(file) from fault
    if not isinstance(chosen, dict) or not isinstance(chosen.get("context") or {}, dict):
        raise _no_kubeconfig(file)
    return merged, chosen


def _not_yaml(fault: Exception) -> str:
    """Where the parser stopped, and not its words: they may quote a token."""
    mark = getattr(fault, "problem_mark", None)
    return f"not YAML: line {mark.line + 1} cannot be read" if mark else "not YAML"


def _user_of(merged: Any, chosen: dict[str, Any]) -> dict[str, Any]:
    """The user that a context names; nothing where it names none. Raises EnvironmentFailed where it is not there."""
    name = (chosen.get("context") or {}).get("user")
    if not name:
        return {}
    found = merged["users"].get_with_name(name, safe=True) if merged["users"] else None
    if found is None:
        raise EnvironmentFailed(f"there is no user {name}", hint="see: kubectl config view")
    user = found.value.get("user") or {}
    if not isinstance(user, dict):
        raise TypeError("a user is an object")
    return user


def _check_limits(file: str) -> None:
    """Refuse what the library's parser would not survive, in any of the files of a list. Raises EnvironmentFailed."""
    from yaml import YAMLError

    from gatewayctl.yamlloader import compose

    for path in (Path(name).expanduser() for name in file.split(os.pathsep) if name):
        if path.is_fifo():
            continue  # a pipe can be read only once, and the library has to read it
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


def _default_file() -> str:
    # The library reads $KUBECONFIG only once, when it is imported.
    return os.environ.get("KUBECONFIG") or _USUAL


def _is_in_pod() -> bool:
    """Whether we run in a Pod, and no kubeconfig names another cluster."""
    if os.environ.get("KUBECONFIG") or Path(_USUAL).expanduser().exists():
        return False
    return "KUBERNETES_SERVICE_HOST" in os.environ
