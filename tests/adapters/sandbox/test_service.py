"""Services as clients meet them, over real sockets."""

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
    """Says nothing before the client has finished: needs a half-closed connection."""
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _to_the_end(talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        await talk(reader, writer)
        writer.close()
        await writer.wait_closed()


class Street:
    """A service, and pods that can be put behind it."""

    def __init__(self, block: str) -> None:
        self.block = block
        self.service = SandboxService("orders", f"{block}.31", PORT)
        self.servers: list[asyncio.Server] = []
        self.talking: set[asyncio.Task[None]] = set()

    async def pod(self, number: int, talk: Talk) -> str:
        address = f"{self.block}.{number}"

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.talking.add(asyncio.get_running_loop().create_task(_to_the_end(talk, reader, writer)))

        self.servers.append(await asyncio.start_server(begin, address, PORT))
        return address

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.service.address, PORT)

    async def hear(self) -> bytes:
        reader, writer = await self.connect()
        try:
            return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def a_street() -> AsyncIterator[Street]:
    block = claim("", [PORT])
    street = Street(block.name)
    try:
        async with asyncio.timeout(20):
            yield street
    finally:
        await street.service.close()
        for server in street.servers:
            server.close()
        block.dns.close()
        if street.talking:
            await asyncio.wait(street.talking, timeout=5)


def test_a_service_without_endpoints_refuses_connections() -> None:
    async def story() -> None:
        async with a_street() as street:
            with pytest.raises(ConnectionRefusedError):
                await street.connect()
            await street.service.serve((await street.pod(100, name_yourself),))
            assert await street.hear() == b"100"

            await street.service.serve(())
            with pytest.raises(ConnectionRefusedError):
                await street.connect()

    asyncio.run(story())


def test_new_connections_go_to_the_endpoints_in_turn() -> None:
    async def story() -> None:
        async with a_street() as street:
            pods = [await street.pod(number, name_yourself) for number in (100, 101, 102)]
            await street.service.serve(tuple(pods))

            heard = [await street.hear() for _ in range(6)]

            assert sorted(heard) == [b"100", b"100", b"101", b"101", b"102", b"102"]

    asyncio.run(story())


def test_an_endpoint_that_refuses_is_passed_over() -> None:
    async def story() -> None:
        async with a_street() as street:
            alive = await street.pod(100, name_yourself)
            await street.service.serve((f"{street.block}.101", alive, f"{street.block}.102"))

            assert [await street.hear() for _ in range(6)] == [b"100"] * 6

    asyncio.run(story())


def test_a_connection_that_no_endpoint_takes_is_reset() -> None:
    async def story() -> None:
        async with a_street() as street:
            await street.service.serve((f"{street.block}.101",))
            with pytest.raises(ConnectionResetError):
                await street.hear()

    asyncio.run(story())


def test_an_established_connection_stays_when_its_pod_is_no_endpoint_any_more() -> None:
    async def story() -> None:
        async with a_street() as street:
            await street.service.serve((await street.pod(100, echo),))
            reader, writer = await street.connect()
            writer.write(b"before")
            assert await reader.readexactly(6) == b"before"

            await street.service.serve(())
            writer.write(b"after")

            assert await reader.readexactly(5) == b"after"
            writer.close()

    asyncio.run(story())


def test_a_client_that_has_said_everything_still_gets_its_answer() -> None:
    async def story() -> None:
        async with a_street() as street:
            await street.service.serve((await street.pod(100, echo_at_the_end),))
            reader, writer = await street.connect()
            writer.write(b"all of it")
            writer.write_eof()

            assert await reader.read() == b"all of it"
            writer.close()

    asyncio.run(story())


def test_a_slow_reader_slows_the_writer_down_and_loses_nothing() -> None:
    async def story() -> None:
        async with a_street() as street:
            taken = 0

            async def count_and_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal taken
                while data := await reader.read(65536):
                    taken += len(data)
                    writer.write(data)
                    await writer.drain()

            await street.service.serve((await street.pod(100, count_and_echo),))
            reader, writer = await street.connect()
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

    asyncio.run(story())


def test_a_pod_that_breaks_off_is_seen_as_a_broken_connection() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async def story() -> None:
        async with a_street() as street:
            await street.service.serve((await street.pod(100, break_off),))
            reader, writer = await street.connect()
            writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()

    asyncio.run(story())


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
