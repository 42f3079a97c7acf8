"""TLS to a gateway: the client's settings from PEM files, and what a failed connection means for the configuration.

Every fault names the key of gatewayctl.yaml that changes it: OpenSSL's own words name no file and no remedy.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.platform import Tls

if TYPE_CHECKING:
    import socket
    import ssl

_LARGEST = 5_000_000  # bytes; the authorities of a whole system are a fifth of it
_NO_CERTIFICATE = "holds no certificate in PEM form"
CLOSED = "the connection was closed before an answer"
_NO_KEY = "holds no private key in PEM form"
_WRONG_NAME = {62, 63, 64}  # OpenSSL's numbers for a name, a mail address or an IP address that a certificate lacks
_WRONG_TIME = {9: "is not valid yet", 10: "has expired"}
_NOT_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
_ABOUT_OUR_CERTIFICATE = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED", "DECRYPT_ERROR")


class TlsFault(UsageFault):
    """A file of `probe` that cannot be used; `key` is its key: ca, certificate or key."""

    def __init__(self, key: str, file: str, reason: str, *, hint: str = "") -> None:
        self.key, self.reason = key, f"{file}: {reason}"
        super().__init__(f"probe.{key}: {self.reason}", hint=hint)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a connection failed, and what to do about it; `hint` is empty where nobody knows."""

    reason: str
    hint: str = ""


def secure(plain: "socket.socket", tls: Tls, name: str) -> "ssl.SSLSocket":
    """TLS with the server `name` over `plain`, within the timeout of `plain`. Raises OSError, TlsFault."""
    return _context_of(tls, tuple(_read_stamp(file) for file in tls.files)).wrap_socket(plain, server_hostname=name)


@lru_cache(maxsize=64)
def _context_of(tls: Tls, _stamps: tuple[object, ...]) -> "ssl.SSLContext":
    """The settings are made once for hundreds of probes, and again when a file was renewed."""
    return client_context(tls)


def _read_stamp(file: str) -> object:
    try:
        found = Path(file).stat()
    except OSError:
        return None  # the fault is told when the file is read
    return found.st_mtime_ns, found.st_size, found.st_ino


def client_context(tls: Tls) -> "ssl.SSLContext":
    """What a client needs to connect. The name of the server is always verified. Raises TlsFault."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if not tls.ca:
        context.load_default_certs()
    else:
        text = _read("ca", tls.ca)
        try:
            context.load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError) as fault:
            raise TlsFault("ca", tls.ca, _NO_CERTIFICATE) from fault
    if tls.certificate:
        _load_own(context, tls)
    return context


def _load_own(context: "ssl.SSLContext", tls: Tls) -> None:
    import ssl

    if "-----BEGIN CERTIFICATE-----" not in _read("certificate", tls.certificate):
        raise TlsFault("certificate", tls.certificate, _NO_CERTIFICATE)
    if "PRIVATE KEY-----" not in _read("key", tls.key):
        raise TlsFault("key", tls.key, _NO_KEY)

    def refuse() -> str:  # without it OpenSSL would ask the terminal
        raise TlsFault("key", tls.key, "is protected by a passphrase", hint="give a key without one")

    try:
        context.load_cert_chain(tls.certificate, tls.key, refuse)
    except ssl.SSLError as fault:
        if fault.reason == "KEY_VALUES_MISMATCH":
            raise TlsFault("key", tls.key, f"is not the key of {tls.certificate}") from fault
        raise TlsFault("certificate", tls.certificate, f"cannot be used with {tls.key}: {fault.reason}") from fault
    except OSError as fault:  # it was there a moment ago
        raise TlsFault("certificate", tls.certificate, f"cannot be read: {fault.strerror}") from fault


def _read(key: str, file: str) -> str:
    """The text of a PEM file; what is no ASCII is a comment, or no PEM. Raises TlsFault."""
    try:
        with Path(file).open("rb") as stream:
            return stream.read(_LARGEST).decode("ascii", errors="replace").replace("\ufffd", "?")
    except FileNotFoundError as fault:
        raise TlsFault(key, file, "there is no such file") from fault
    except OSError as fault:
        raise TlsFault(key, file, f"cannot be read: {fault.strerror}") from fault


def explain_handshake(fault: OSError, tls: Tls, name: str) -> Explanation:
    """Why the server `name` and the client did not agree on TLS."""
    import ssl

    if isinstance(fault, ssl.SSLCertVerificationError):
        return _explain_certificate(fault, tls, name)
    reason = (fault.reason or "") if isinstance(fault, ssl.SSLError) else ""
    if any(word in reason for word in _NOT_TLS):
        return Explanation(
            "it does not speak TLS on this port",
            "set probe.scheme: http, or set traffic to the gateway's port for TLS",
        )
    if _is_refusal(reason):
        return _explain_refusal(reason, tls)
    if "UNRECOGNIZED_NAME" in reason:
        return Explanation(f"it has no certificate for {name}", "set probe.host to a name that the gateway serves")
    if isinstance(fault, (ssl.SSLEOFError, ConnectionError)):
        return Explanation(
            "it closed the connection before it agreed on TLS",
            f"it may have no TLS listener for {name}: set probe.host to a name that it serves",
        )
    return Explanation(f"TLS failed: {reason or fault}")


def explain_broken(fault: OSError | None, tls: Tls) -> Explanation:
    """Why there was no answer after TLS was agreed; None: the gateway closed the connection.

    With TLS 1.3 a gateway looks at the client's certificate only then, and its word about it may be lost.
    """
    import ssl

    reason = (fault.reason or "") if isinstance(fault, ssl.SSLError) else ""
    if _is_refusal(reason):
        return _explain_refusal(reason, tls)
    hint = f"if the gateway asks for a certificate of the client: {_remedy(tls)}"
    return Explanation(f"{type(fault).__name__}: {fault}" if fault else CLOSED, hint)


def _explain_certificate(fault: "ssl.SSLCertVerificationError", tls: Tls, name: str) -> Explanation:
    words = fault.verify_message
    if fault.verify_code in _WRONG_NAME:
        return Explanation(
            f"its certificate is not for {name} ({words})",
            "set probe.host to a name that the certificate has, or correct the gateway's certificate",
        )
    if state := _WRONG_TIME.get(fault.verify_code):
        return Explanation(f"its certificate {state}", "renew the gateway's certificate, or correct the clock")
    trusted = tls.ca or "this machine"
    return Explanation(
        f"{trusted} does not trust its certificate ({words})",
        "set probe.ca to the PEM file of the authority that issued the gateway's certificate",
    )


def _explain_refusal(reason: str, tls: Tls) -> Explanation:
    what = f"does not accept the certificate {tls.certificate}" if tls.certificate else "asks for a certificate"
    return Explanation(f"it {what} ({reason})", _remedy(tls))


def _is_refusal(reason: str) -> bool:
    return "ALERT" in reason and any(word in reason for word in _ABOUT_OUR_CERTIFICATE)


def _remedy(tls: Tls) -> str:
    if tls.certificate:
        return "set probe.certificate to one from an authority that the gateway trusts"
    return "set probe.certificate and probe.key"
