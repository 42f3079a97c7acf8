"""How a kubeconfig's user logs in, and where the client library does less than kubectl.

Where a login fails, the library writes a line to its log and goes on without any login; then every request is refused
for another reason than the real one. Here that is a fault with the plugin's own words. No message shows a token, a
password or a key: also not those of the library, which quotes whole entries of the file.
"""

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.nesting import parse_json

if TYPE_CHECKING:
    from kubernetes.client import Configuration

Fill = Callable[["Configuration"], None]
"""A function of the library that fills in the settings."""

_TOKEN = "BearerToken"  # noqa: S105  # the library's key for it
_IMPERSONATION = ("as", "as-groups", "as-uid", "as-user-extra")
_EARLIER = 300.0  # seconds before its end at which the library renews a token
_LONGEST = 500  # characters of what a plugin says


class LoginFailed(Transient):
    """The login did not succeed. A plugin asks a server, so it may succeed a moment later."""


def log_in(settings: "Configuration", fill: Fill) -> None:
    """Fill in the settings, and let the library renew what expires; see `_fill_in`.

    Raises LoginFailed, EnvironmentFailed, and what the library raises for a file that is not right.
    """
    _fill_in(settings, fill)
    _guard_renewal(settings)


def check_user(user: Mapping[str, Any]) -> None:
    """Raise EnvironmentFailed for a login that the library would pass over in silence. `user` is as the file has it."""
    provider = user.get("auth-provider")
    name = provider.get("name") if isinstance(provider, dict) else None
    if provider is not None and name != "oidc":
        raise EnvironmentFailed(
            f"the user's auth-provider {name or 'without a name'} is no longer supported, as in kubectl since 1.26",
            hint="replace it with an exec plugin: gke-gcloud-auth-plugin for gcp, kubelogin for azure",
        )
    if provider is not None and _is_over(provider.get("config")):
        # The library would renew it by a request that checks no certificate, and that holds the client's secret.
        raise EnvironmentFailed(
            "the id-token of the user's auth-provider oidc has expired",
            hint="kubectl renews it in the file: kubectl get pods; or log in by an exec plugin: kubectl oidc-login",
        )
    if found := [key for key in _IMPERSONATION if user.get(key)]:
        raise EnvironmentFailed(
            f"the user's key {found[0]} asks to act as somebody else, which gatewayctl cannot do",
            hint="name a context whose user has the rights itself",
        )


def _is_over(oidc: object) -> bool:
    """Whether the token of an OpenID provider has expired; false where that cannot be read from it."""
    token = str(oidc.get("id-token", "")) if isinstance(oidc, dict) else ""
    try:
        claims = parse_json(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return float(claims["exp"]) <= time.time() + _EARLIER
    except (ValueError, IndexError, KeyError, TypeError):
        return False


def check_result(settings: "Configuration", user: Mapping[str, Any]) -> None:
    """Raise EnvironmentFailed when `user` has a way to log in that gave no login, and for a proxy we cannot use."""
    ways = [key for key in ("token", "tokenFile", "exec", "auth-provider", "username") if key in user]
    if ways and not settings.api_key.get(_TOKEN) and not settings.cert_file:
        raise EnvironmentFailed(
            f"the user has {' and '.join(ways)}, but no login comes of it: is it empty, or expired?",
            hint="does kubectl log in with the same context? kubectl auth whoami",
        )
    _check_proxy(settings)


def _check_proxy(settings: "Configuration") -> None:
    from kubernetes.client.rest import should_bypass_proxies

    proxy = urlsplit(settings.proxy or "")
    if not proxy.scheme.startswith("socks") or should_bypass_proxies(settings.host, settings.no_proxy or ""):
        return
    raise EnvironmentFailed(
        f"the API server {server_of(settings)} is behind a SOCKS proxy "
        f"({proxy.scheme}://{_without_user(proxy.netloc)}), which gatewayctl cannot use",
        hint="use an HTTP proxy or a tunnel (ssh -L); proxy-url and HTTPS_PROXY name the proxy, NO_PROXY exceptions",
    )


def server_of(settings: "Configuration") -> str:
    """Host and port of the API server; a URL may hold a password, which is left out."""
    return _without_user(urlsplit(settings.host).netloc) or settings.host


def _without_user(netloc: str) -> str:
    return netloc.rpartition("@")[2]


def words_of(fault: object) -> str:
    """What the library says of a file, without the entry of the file, which may hold a token."""
    said = " ".join(str(fault).split())
    said = said.partition("/{")[0]  # it calls an entry by its whole content
    return said.partition("-----BEGIN")[0]  # a key where the name of a file is expected


def _guard_renewal(settings: "Configuration") -> None:
    """Watch the library when it renews a token, which it does before each request.

    It fills in settings of their own: requests of other threads must never see a login that is half filled in.
    """
    from kubernetes import client, config

    renew = cast("Fill | None", settings.refresh_api_key_hook)
    if renew is None:
        return
    renewed, lock = client.Configuration(), threading.Lock()

    def guarded(now: "Configuration") -> None:
        with lock:
            try:
                _fill_in(renewed, renew)
            except (config.ConfigException, OSError) as fault:
                raise LoginFailed(f"the login could not be renewed: {words_of(fault)}") from fault
            login = renewed.api_key.get(_TOKEN)
            if not login:
                raise LoginFailed("the login could not be renewed: its token is empty")
            now.api_key[_TOKEN] = login

    settings.refresh_api_key_hook = guarded  # type: ignore[assignment]


def _fill_in(settings: "Configuration", fill: Fill) -> None:
    """Call the library. Raises LoginFailed with what it logs, EnvironmentFailed for a token that cannot be sent."""
    listener = _Listener()
    root = logging.getLogger()
    root.addHandler(listener)
    try:
        fill(settings)
    finally:
        root.removeHandler(listener)
    if listener.said:
        raise LoginFailed(
            f"the login plugin failed: {'; '.join(listener.said)[:_LONGEST]}",
            hint="run it by hand, or see whether kubectl logs in: kubectl auth whoami",
        )
    if sent := _sendable(settings.api_key.pop(_TOKEN, "")):
        settings.api_key[_TOKEN] = sent


def _sendable(login: str) -> str:
    """The value of the header, without the line end that a file or a secret store adds; empty for an empty token."""
    scheme, _, token = login.partition(" ")
    sent = token.strip()
    if not sent.isascii() or not sent.isprintable():
        raise EnvironmentFailed(
            "the token has a line break or another character that no HTTP header can carry",
            hint="a token is one line of ASCII: look at the file or the secret that it comes from",
        )
    return f"{scheme} {sent}" if sent else ""


class _Listener(logging.Handler):
    """Keeps what the library logs as an error, in this thread."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and record.module == "kube_config":
            self.said.append(words_of(record.getMessage()))
