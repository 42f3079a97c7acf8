"""The process that keeps a sandbox as its specs say, until it is told to stop or its owner is gone.

`python -m gatewayctl.adapters.sandbox.supervisor ROOT [--owner-fd N]`. Its children are on a leash (see process.py), so
whatever ends it, even SIGKILL, leaves nothing behind.
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

from gatewayctl.adapters.sandbox import nameserver
from gatewayctl.adapters.sandbox.addresses import Block, claim
from gatewayctl.adapters.sandbox.controller import Controller, Surroundings
from gatewayctl.adapters.sandbox.files import content_of
from gatewayctl.adapters.sandbox.gateway import GatewayReplica, Seat
from gatewayctl.adapters.sandbox.objects import Folder, PodStatus, ReplicaStatus, SupervisorStatus
from gatewayctl.adapters.sandbox.process import only_on_linux, started_at, tell
from gatewayctl.adapters.sandbox.service import Service
from gatewayctl.adapters.sandbox.world import World
from gatewayctl.adapters.sandbox.world_file import read_bounded
from gatewayctl.domain.errors import Busy, EnvironmentFailed, GatewayctlError
from gatewayctl.domain.nesting import check_json_depth

_log = logging.getLogger(__name__)
_ROUND = 0.05  # seconds between two looks at the specs
_SHUTDOWN = 3.0  # seconds for everything to end


class Supervisor:
    """Everything that runs, and the loop over it."""

    def __init__(self, folder: Folder, world: World, block: Block) -> None:
        self._folder, self._world, self._block = folder, world, block
        self._again, self._stop = asyncio.Event(), asyncio.Event()
        self._why = ""
        around = Surroundings(world, folder, block, self._taken, self._again.set)
        self._controllers = [
            Controller(name, Service(name, block.service(number), model.port), around)
            for number, (name, model) in enumerate(world.workloads.items())
        ]
        self._replicas = list(self._seats())
        self._told: tuple[ReplicaStatus, ...] = ()

    def stop(self, why: str) -> None:
        """End it in order; `why` is what `status` will say."""
        if not self._stop.is_set():
            _log.info("stopping: %s", why)
            self._why = why
        self._stop.set()
        self._again.set()

    async def run(self) -> str:
        """Until `stop`; returns why. Whatever happens, nothing of it runs afterwards."""
        services = {one.name: one.service.address for one in self._controllers}
        names = await nameserver.serve(self._block.dns, services)
        try:
            while not self._stop.is_set():
                self._again.clear()
                await self._round()
                try:
                    await asyncio.wait_for(self._again.wait(), _ROUND)
                except TimeoutError:
                    continue
        finally:
            await asyncio.gather(
                *(one.close(_SHUTDOWN) for one in self._replicas),
                *(one.close(_SHUTDOWN) for one in self._controllers),
            )
            names.close()
        return self._why

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
        if statuses != self._told:
            self._folder.tell_replicas(statuses)
            self._told = statuses

    def _taken(self) -> Iterator[str]:
        for controller in self._controllers:
            yield from controller.addresses

    def _seats(self) -> Iterator[GatewayReplica]:
        gateway = self._world.gateway
        text = read_bounded(self._world.path(gateway.bootstrap))
        names = {one.name: one.service.address for one in self._controllers}
        for number in range(gateway.replicas):
            folder = self._folder.replicas / f"gateway-{number}"
            seat = Seat(number, self._block.gateway(number), self._block.resolver, folder, text, names)
            yield GatewayReplica(seat, gateway, self._again.set)


def main() -> int:
    """Run a sandbox in the foreground of this process."""
    parser = argparse.ArgumentParser(prog="gatewayctl.adapters.sandbox.supervisor")
    parser.add_argument("root", type=Path)
    parser.add_argument("--owner-fd", type=int, help="the read end of a pipe; end of file means that the owner died")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        only_on_linux()
        return _alone(Folder(given.root.resolve()), given.owner_fd)
    except GatewayctlError as fault:
        _log.error("%s", fault)
        return int(fault.exit_code)


def _alone(folder: Folder, owner: int | None) -> int:
    """Be the only supervisor of this folder: the lock goes when we go."""
    folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder.root / ".supervisor").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise Busy(f"another supervisor keeps {folder.root}") from fault
        before = folder.supervisor()
        _end_leftovers(folder)
        folder.forget_statuses()
        world = _world(folder)
        ports = [world.gateway.traffic, world.gateway.admin, *(one.port for one in world.workloads.values())]
        block = claim(before.block if before else "", ports)
        services = {name: block.service(number) for number, name in enumerate(world.workloads)}
        me = SupervisorStatus(os.getpid(), started_at(os.getpid()), block.name, services=services)
        why = "it failed; see logs/supervisor.log"
        try:
            folder.tell_supervisor(me)
            why = asyncio.run(_supervise(folder, world, block, owner))
            folder.forget_statuses()
        finally:
            folder.tell_supervisor(replace(me, running=False, note=why))
    return 0


def _world(folder: Folder) -> World:
    try:
        content = content_of(folder.world)
        check_json_depth(content)
        return World.model_validate_json(content)
    except (OSError, ValueError) as fault:
        raise EnvironmentFailed(f"{folder.world}: cannot be read: {fault}") from fault


async def _supervise(folder: Folder, world: World, block: Block, owner: int | None) -> str:
    supervisor = Supervisor(folder, world, block)
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, supervisor.stop, f"told to stop by {wanted.name}")
    if owner is not None:
        loop.add_reader(owner, _look, supervisor, owner)
    return await supervisor.run()


def _look(supervisor: Supervisor, owner: int) -> None:
    if not os.read(owner, 1):
        asyncio.get_running_loop().remove_reader(owner)
        supervisor.stop("its owner is gone")


def _end_leftovers(folder: Folder) -> None:
    """End what an earlier supervisor left, if anything could outlive it: exactly those processes, by pid and start."""
    pods = [pod for name in folder.workloads() for pod in folder.workload_status(name).pods]
    left: list[PodStatus | ReplicaStatus] = [*pods, *folder.replica_statuses()]
    for one in left:
        if one.pid and tell(one.pid, one.started, signal.SIGKILL):
            _log.warning("ended %s (pid %d), left behind by an earlier supervisor", one.name, one.pid)


if __name__ == "__main__":
    sys.exit(main())
