"""Services over real sockets, as clients use them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gatewayctl.adapters.sandbox.addresses import claim
from gatewayctl.adapters.sandbox.service import SandboxService

PORT = 8080
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def name_yourself(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(str(writer.get_extra_info("sockname")[0]).rpartition(".")[2].encode())
    writer.close()


async def echo_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers after the client has finished: needs a half-closed connection."""
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _serve(talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        await talk(reader, writer)
        writer.close()
        await writer.wait_closed()


class ServiceNetwork:
    """A Service, and servers in place of pods that can be its endpoints."""

    def __init__(self, block: str) -> None:
        self.block = block
        self.service = SandboxService("orders", f"{block}.31", PORT)
        self.servers: list[asyncio.Server] = []
        self.talking: set[asyncio.Task[None]] = set()

    async def pod(self, number: int, talk: Talk) -> str:
        address = f"{self.block}.{number}"

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.talking.add(asyncio.get_running_loop().create_task(_serve(talk, reader, writer)))

        self.servers.append(await asyncio.start_server(serve, address, PORT))
        return address

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.service.address, PORT)

    async def receive(self) -> bytes:
        reader, writer = await self.connect()
        try:
            return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def open_network() -> AsyncIterator[ServiceNetwork]:
    block = claim("", [PORT])
    network = ServiceNetwork(block.name)
    try:
        async with asyncio.timeout(20):
            yield network
    finally:
        await network.service.close()
        for server in network.servers:
            server.close()
        block.dns.close()
        if network.talking:
            await asyncio.wait(network.talking, timeout=5)


def in_network(test: Callable[[ServiceNetwork], Awaitable[None]]) -> Callable[[], None]:
    """Run an asynchronous test with a network of its own."""

    async def run() -> None:
        async with open_network() as network:
            await test(network)

    def run_test() -> None:
        asyncio.run(run())

    run_test.__name__, run_test.__doc__ = test.__name__, test.__doc__
    return run_test


@in_network
async def test_a_service_without_endpoints_refuses_connections(network: ServiceNetwork) -> None:
    with pytest.raises(ConnectionRefusedError):
        await network.connect()
    await network.service.serve((await network.pod(100, name_yourself),))
    assert await network.receive() == b"100"

    await network.service.serve(())
    with pytest.raises(ConnectionRefusedError):
        await network.connect()


@in_network
async def test_new_connections_go_to_the_endpoints_in_turn(network: ServiceNetwork) -> None:
    pods = [await network.pod(number, name_yourself) for number in (100, 101, 102)]
    await network.service.serve(tuple(pods))

    received = [await network.receive() for _ in range(6)]

    assert sorted(received) == [b"100", b"100", b"101", b"101", b"102", b"102"]


@in_network
async def test_an_endpoint_that_refuses_is_passed_over(network: ServiceNetwork) -> None:
    alive = await network.pod(100, name_yourself)
    await network.service.serve((f"{network.block}.101", alive, f"{network.block}.102"))

    assert [await network.receive() for _ in range(6)] == [b"100"] * 6


@in_network
async def test_a_connection_that_no_endpoint_takes_is_reset(network: ServiceNetwork) -> None:
    await network.service.serve((f"{network.block}.101",))
    with pytest.raises(ConnectionResetError):
        await network.receive()


@in_network
async def test_an_established_connection_stays_when_its_pod_is_no_endpoint_any_more(network: ServiceNetwork) -> None:
    await network.service.serve((await network.pod(100, echo),))
    reader, writer = await network.connect()
    writer.write(b"before")
    assert await reader.readexactly(6) == b"before"

    await network.service.serve(())
    writer.write(b"after")

    assert await reader.readexactly(5) == b"after"
    writer.close()


@in_network
async def test_a_client_that_has_said_everything_still_gets_its_answer(network: ServiceNetwork) -> None:
    await network.service.serve((await network.pod(100, echo_at_the_end),))
    reader, writer = await network.connect()
    writer.write(b"all of it")
    writer.write_eof()

    assert await reader.read() == b"all of it"
    writer.close()


@in_network
async def test_a_slow_reader_slows_the_writer_down_and_loses_nothing(network: ServiceNetwork) -> None:
    taken = 0

    async def count_and_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        while data := await reader.read(65536):
            taken += len(data)
            writer.write(data)
            await writer.drain()

    await network.service.serve((await network.pod(100, count_and_echo),))
    reader, writer = await network.connect()
    sent = bytes(range(256)) * 200_000  # 50 MB, far more than all buffers on the way

    async def write() -> None:
        writer.write(sent)
        await writer.drain()
        writer.write_eof()

    writing = asyncio.create_task(write())
    before = -1
    while before != taken:  # until nothing moves any more
        before = taken
        await asyncio.sleep(0.3)
    assert taken < len(sent) / 2
    assert not writing.done()
    received = await reader.read()

    await writing
    assert received == sent
    writer.close()


@in_network
async def test_a_pod_that_breaks_off_is_seen_as_a_broken_connection(network: ServiceNetwork) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    await network.service.serve((await network.pod(100, break_off),))
    reader, writer = await network.connect()
    writer.write(b"x")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


def test_two_blocks_never_meet_and_a_taken_port_is_named() -> None:
    first = claim("", [PORT])
    second = claim(first.name, [PORT])
    assert first.name != second.name

    with socket.socket() as everywhere:
        everywhere.bind(("0.0.0.0", 0))
        everywhere.listen()
        port = everywhere.getsockname()[1]
        with pytest.raises(Exception, match=f"port {port} on"):
            claim("", [port])
    first.dns.close()
    second.dns.close()
    again = claim(first.name, [PORT])
    assert again.name == first.name
    again.dns.close()
