"""Which loopback addresses a sandbox lives on: one block 127.A.B.x, so that several sandboxes run side by side.

A pod has an address of its own in a cluster, and may use any port on it. Linux answers on all of 127.0.0.0/8, so the
same is true here, and the same configuration files fit both.
"""

import secrets
import socket
from collections.abc import Iterable

from gatewayctl.domain.errors import EnvironmentFailed

DNS_PORT = 10053
_ATTEMPTS = 25
_GATEWAYS, _SERVICES, _PODS, _LAST = 11, 31, 100, 250


class Block:
    """The addresses of one sandbox. `name` reads `127.A.B`; `dns` is bound, and keeps the block ours."""

    def __init__(self, name: str, dns: socket.socket) -> None:
        self.name, self.dns = name, dns
        self._last_pod = _PODS - 1

    @property
    def resolver(self) -> str:
        """The address of the sandbox's DNS server."""
        return f"{self.name}.1"

    def gateway(self, number: int) -> str:
        """The address of gateway replica `number`, from 0."""
        return f"{self.name}.{_GATEWAYS + number}"

    def service(self, number: int) -> str:
        """The address of Service `number`, from 0."""
        return f"{self.name}.{_SERVICES + number}"

    def pod(self, taken: Iterable[str]) -> str:
        """A pod address that is not `taken`; the one used last comes back as late as possible."""
        used = set(taken)
        for _ in range(_PODS, _LAST):
            self._last_pod = _PODS if self._last_pod + 1 >= _LAST else self._last_pod + 1
            address = f"{self.name}.{self._last_pod}"
            if address not in used:
                return address
        raise EnvironmentFailed(f"all {_LAST - _PODS} pod addresses of the sandbox are in use")


def claim(preferred: str, ports: Iterable[int]) -> Block:
    """Take a free block, `preferred` if it can be had; `ports` must be free on it. Raises EnvironmentFailed."""
    wanted = sorted(set(ports))
    trouble = ""
    for attempt in range(_ATTEMPTS):
        name = preferred if preferred and not attempt else f"127.{_one()}.{_one()}"
        dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            dns.bind((f"{name}.1", DNS_PORT))
            for port in wanted:
                _try(name, port)
        except OSError as fault:
            dns.close()
            trouble = str(fault)
        else:
            dns.settimeout(0)
            return Block(name, dns)
    raise EnvironmentFailed(
        f"no free loopback addresses in {_ATTEMPTS} attempts: {trouble}",
        hint=f"another program may listen on every address; see: ss -ltn | grep -E '{'|'.join(map(str, wanted))}'",
    )


def _one() -> int:
    return 20 + secrets.randbelow(231)


def _try(block: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((f"{block}.{_GATEWAYS}", port))
        except OSError as fault:
            raise OSError(f"port {port} on {block}.{_GATEWAYS}: {fault}") from fault
