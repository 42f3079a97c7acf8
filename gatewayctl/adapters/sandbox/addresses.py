"""The loopback addresses of a sandbox: one block 127.A.B.x for each, so that several can run side by side.

In a cluster each pod has its own address and may use any port on it. Linux answers on all of 127.0.0.0/8, so this is
possible here too, and the same configuration files work in both.
"""

import secrets
import socket
from collections.abc import Iterable

from gatewayctl.domain.errors import EnvironmentFailed

DNS_PORT = 10053
_ATTEMPTS = 25
_GATEWAYS, _SERVICES, _PODS, _LAST = 11, 31, 100, 250


class Block:
    """The addresses of one sandbox. `name` is `127.A.B`; the bound socket `dns` keeps other sandboxes off the block."""

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

    def pod(self, used: Iterable[str]) -> str:
        """A pod address that is not in `used`; the same address is used again as late as possible.

        Raises EnvironmentFailed when all are in use.
        """
        in_use = set(used)
        for _ in range(_PODS, _LAST):
            self._last_pod = _PODS if self._last_pod + 1 >= _LAST else self._last_pod + 1
            address = f"{self.name}.{self._last_pod}"
            if address not in in_use:
                return address
        raise EnvironmentFailed(f"all {_LAST - _PODS} pod addresses of the sandbox are in use")


def claim(preferred: str, ports: Iterable[int]) -> Block:
    """Reserve a block on which all `ports` are free; `preferred` if it is one. Raises EnvironmentFailed."""
    wanted = sorted(set(ports))
    reason = ""
    for attempt in range(_ATTEMPTS):
        name = preferred if preferred and not attempt else f"127.{_random_part()}.{_random_part()}"
        dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            dns.bind((f"{name}.1", DNS_PORT))
            for port in wanted:
                _check_free(name, port)
        except OSError as fault:
            dns.close()
            reason = str(fault)
        else:
            dns.settimeout(0)
            return Block(name, dns)
    raise EnvironmentFailed(
        f"no free loopback addresses in {_ATTEMPTS} attempts: {reason}",
        hint=f"another program may listen on every address; see: ss -ltn | grep -E '{'|'.join(map(str, wanted))}'",
    )


def _random_part() -> int:
    return 20 + secrets.randbelow(231)


def _check_free(block: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((f"{block}.{_GATEWAYS}", port))
        except OSError as fault:
            raise OSError(f"port {port} on {block}.{_GATEWAYS}: {fault}") from fault
