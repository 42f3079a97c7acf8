"""The process that keeps a sandbox as its specs say, until it gets a signal to stop or its owner ends.

`python -m gatewayctl.adapters.sandbox.supervisor ROOT [--owner-fd N]`. Its children end with it (see spawning.py), so
no process is left when it ends, even by SIGKILL.
"""

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gatewayctl.adapters.files.locking import read_bounded_file
from gatewayctl.adapters.files.processes import read_start_time, send_signal
from gatewayctl.adapters.sandbox import nameserver
from gatewayctl.adapters.sandbox.addresses import Block, claim
from gatewayctl.adapters.sandbox.controller import Controller, ControllerContext
from gatewayctl.adapters.sandbox.gateway import GatewayReplica, ReplicaPlacement
from gatewayctl.adapters.sandbox.linux import require_linux
from gatewayctl.adapters.sandbox.objects import Folder, PodStatus, ReplicaStatus, SupervisorStatus
from gatewayctl.adapters.sandbox.service import SandboxService
from gatewayctl.adapters.sandbox.world import World
from gatewayctl.adapters.sandbox.world_file import read_bounded
from gatewayctl.domain.errors import Busy, EnvironmentFailed, GatewayctlError
from gatewayctl.domain.nesting import check_json_depth

_log = logging.getLogger(__name__)
_ROUND = 0.05  # seconds between two reads of the specs
_SHUTDOWN = 3.0  # seconds for everything to end


class Supervisor:
    """All controllers and gateway replicas of a sandbox, and the loop over them."""

    def __init__(self, folder: Folder, world: World, block: Block) -> None:
        self._folder, self._world, self._block = folder, world, block
        self._changed, self._stop = asyncio.Event(), asyncio.Event()
        self._reason = ""
        context = ControllerContext(world, folder, block, self._used_addresses, self._changed.set)
        self._controllers = [
            Controller(name, SandboxService(name, block.service(number), model.port), context)
            for number, (name, model) in enumerate(world.workloads.items())
        ]
        self._replicas = list(self._create_replicas())
        self._published: tuple[ReplicaStatus, ...] = ()

    def stop(self, reason: str) -> None:
        """End everything in order; `reason` goes into the supervisor's status."""
        if not self._stop.is_set():
            _log.info("stopping: %s", reason)
            self._reason = reason
        self._stop.set()
        self._changed.set()

    async def run(self) -> str:
        """Run until `stop`, and return the reason. No process of the sandbox is left then, even on an exception."""
        services = {one.name: one.service.address for one in self._controllers}
        names = await nameserver.serve(self._block.dns, services)
        try:
            while not self._stop.is_set():
                self._changed.clear()
                await self._round()
                try:
                    await asyncio.wait_for(self._changed.wait(), _ROUND)
                except TimeoutError:
                    continue
        finally:
            await asyncio.gather(
                *(one.close(_SHUTDOWN) for one in self._replicas),
                *(one.close(_SHUTDOWN) for one in self._controllers),
            )
            names.close()
        return self._reason

    async def _round(self) -> None:
        for controller in self._controllers:
            spec = self._folder.workload(controller.name)
            if spec is not None:
                await controller.reconcile(spec)
        routes, gateway = self._folder.routes(), self._folder.gateway()
        if routes is not None:
            for replica in self._replicas:
                replica.reconcile(routes, gateway)
        statuses = tuple(replica.status for replica in self._replicas)
        if statuses != self._published:
            self._folder.publish_replicas(statuses)
            self._published = statuses

    def _used_addresses(self) -> Iterator[str]:
        for controller in self._controllers:
            yield from controller.addresses

    def _create_replicas(self) -> Iterator[GatewayReplica]:
        gateway = self._world.gateway
        bootstrap = self._world.path(gateway.bootstrap)
        text = read_bounded(bootstrap)
        names = {one.name: one.service.address for one in self._controllers}
        for number in range(gateway.replicas):
            folder = self._folder.replicas / f"gateway-{number}"
            address, resolver = self._block.gateway(number), self._block.resolver
            placement = ReplicaPlacement(number, address, resolver, folder, text, names, bootstrap.parent)
            yield GatewayReplica(placement, gateway, self._changed.set)


def main() -> int:
    """Run a sandbox in the foreground of this process."""
    parser = argparse.ArgumentParser(prog="gatewayctl.adapters.sandbox.supervisor")
    parser.add_argument("root", type=Path)
    parser.add_argument(
        "--owner-fd", type=int, help="the read end of a pipe; end of file means that the owner has ended"
    )
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        require_linux()
        return _run_alone(Folder(given.root.resolve()), given.owner_fd)
    except GatewayctlError as fault:
        _log.error("%s", fault)
        return int(fault.exit_code)


def _run_alone(folder: Folder, owner: int | None) -> int:
    """Run as the only supervisor of this folder; the kernel releases the lock when this process ends. Raises Busy."""
    folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder.root / ".supervisor").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise Busy(f"another supervisor runs the sandbox in {folder.root}") from fault
        before = folder.supervisor()
        _end_leftovers(folder)
        folder.remove_statuses()
        world = _read_installed_world(folder)
        ports = [world.gateway.traffic, world.gateway.admin, *(one.port for one in world.workloads.values())]
        block = claim(before.block if before else "", ports)
        services = {name: block.service(number) for number, name in enumerate(world.workloads)}
        status = SupervisorStatus(os.getpid(), read_start_time(os.getpid()), block.name, services=services)
        reason = "it failed; see logs/supervisor.log"
        try:
            folder.publish_supervisor(status)
            reason = asyncio.run(_supervise(folder, world, block, owner))
            folder.remove_statuses()
        finally:
            folder.publish_supervisor(replace(status, running=False, note=reason))
    return 0


def _read_installed_world(folder: Folder) -> World:
    try:
        content = read_bounded_file(folder.world)
        check_json_depth(content)
        return World.model_validate_json(content)
    except (OSError, ValueError) as fault:
        raise EnvironmentFailed(f"{folder.world}: cannot be read: {fault}") from fault


async def _supervise(folder: Folder, world: World, block: Block, owner: int | None) -> str:
    supervisor = Supervisor(folder, world, block)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop, f"stopped by {number.name}")
    if owner is not None:
        loop.add_reader(owner, _check_owner, supervisor, owner)
    return await supervisor.run()


def _check_owner(supervisor: Supervisor, owner: int) -> None:
    if not os.read(owner, 1):
        asyncio.get_running_loop().remove_reader(owner)
        supervisor.stop("its owner has ended")


def _end_leftovers(folder: Folder) -> None:
    """End processes that an earlier supervisor left, in case any did: exactly those, by pid and start time."""
    pods = [pod for name in folder.workloads() for pod in folder.workload_status(name).pods]
    left: list[PodStatus | ReplicaStatus] = [*pods, *folder.replica_statuses()]
    for one in left:
        if one.pid and send_signal(one.pid, one.started, signal.SIGKILL):
            _log.warning("ended %s (pid %d), left behind by an earlier supervisor", one.name, one.pid)


if __name__ == "__main__":
    sys.exit(main())
