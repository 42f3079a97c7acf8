"""TLS to the gateway: its authority is trusted, the client's own certificate shown, and the name is the public one.

A suite's clients make their contexts themselves, so they are completed when a connection begins. What the suite trusts
otherwise stays trusted. Paths of PEM files are all that is known here.
"""

import weakref
from typing import Any

from gatewayctl.child_process.gateway_address import GatewayAddress, plain_host
from gatewayctl.child_process.on_import import Wrappers, patch_on_import
from gatewayctl.domain.platform import Tls

_ARGUMENTS = ("server_side", "do_handshake_on_connect", "suppress_ragged_eofs", "server_hostname", "session")


def trust(tls: Tls | None, address: GatewayAddress) -> None:
    """From now on, complete each TLS context of this process that is used for the gateway."""
    if tls is None:
        return
    completion = _Completion(tls, address)
    # gevent has a class of contexts of its own.
    patch_on_import({"ssl": completion.install, "gevent.ssl": completion.install})


class _Completion:
    """Replaces the two methods of a context with which a connection begins."""

    def __init__(self, tls: Tls, address: GatewayAddress) -> None:
        self._tls = tls
        self._address = address
        self._done: weakref.WeakSet[Any] = weakref.WeakSet()
        self._wrappers = Wrappers()

    def install(self, module: Any) -> None:
        """Wrap them; gevent may put its class into Python's module."""
        for name, wrap in (("wrap_socket", self._wrap_socket), ("wrap_bio", self._wrap_bio)):
            self._wrappers.wrap(module.SSLContext, name, wrap)

    def _wrap_socket(self, real: Any) -> Any:
        def wrap_socket(context: Any, sock: Any, *args: Any, **options: Any) -> Any:
            options.update(zip(_ARGUMENTS, args, strict=False))
            if options.get("server_hostname") and not options.get("server_side"):
                options["server_hostname"] = self._complete(context, options["server_hostname"], sock)
            return real(context, sock, **options)

        return wrap_socket

    def _wrap_bio(self, real: Any) -> Any:
        def wrap_bio(context: Any, incoming: Any, outgoing: Any, *args: Any, **options: Any) -> Any:
            options.update(zip(("server_side", "server_hostname", "session"), args, strict=False))
            if options.get("server_hostname") and not options.get("server_side"):
                self._complete(context, options["server_hostname"], None)
            return real(context, incoming, outgoing, **options)

        return wrap_bio

    def _complete(self, context: Any, name: Any, sock: Any) -> Any:
        """Complete the context if the connection is to the gateway; the name that its certificate must have."""
        public = self._address.public[0]
        if plain_host(name) != public and not self._is_replica(sock):
            return name
        if context not in self._done:
            self._done.add(context)
            if self._tls.ca:
                context.load_verify_locations(cafile=self._tls.ca)
            if self._tls.certificate:
                context.load_cert_chain(self._tls.certificate, self._tls.key or None)
        # A request to a replica's own URL has its address as name, for which no certificate is.
        return public if self._address.has_name and self._address.is_replica_host(name) else name

    def _is_replica(self, sock: Any) -> bool:
        try:
            return bool(sock is not None and self._address.url_of(*sock.getpeername()[:2]))
        except (OSError, TypeError):
            return False
