"""gRPC clients of other people's suites: their core opens connections itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import grpc
import pytest

from gatewayctl.domain.suite_verdicts import judge_suite
from tests.adapters.smoke.gateway import HEADER, HOST, STAMP, LoopbackGateway


@contextmanager
def run_replica(seen: list[dict[str, str]]) -> Iterator[str]:
    """A server that answers as the canary or as stable; its URL."""

    def name(context: grpc.ServicerContext) -> None:
        metadata = {**dict(context.invocation_metadata()), "replica": str(port)}
        seen.append(metadata)
        canary = metadata.get("x-canary") == HEADER.value
        named = [("x-served-by", "orders-canary-5d9-x2x4v" if canary else "orders-77c-bb2b4")]
        context.send_initial_metadata([*named, *([("x-gatewayctl-release", STAMP)] if canary else [])])

    def one(request: bytes, context: grpc.ServicerContext) -> bytes:
        name(context)
        if request == b"refused":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
        return request

    def stream(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        name(context)
        yield from requests

    handlers = {"One": grpc.unary_unary_rpc_method_handler(one), "Many": grpc.stream_stream_rpc_method_handler(stream)}
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait(10)


CLIENTS = {
    "grpc": """
        import grpc, pytest

        def test_calls():
            for _ in range(2):
                with grpc.insecure_channel("shop.example.com:80") as channel:
                    assert channel.unary_unary("/shop/One")(b"a", timeout=30) == b"a"
                    assert channel.unary_unary("/shop/One").future(b"b", timeout=30).result() == b"b"
                    assert list(channel.stream_stream("/shop/Many")(iter([b"c", b"d"]), timeout=30)) == [b"c", b"d"]
                    with pytest.raises(grpc.RpcError, match="no such order"):
                        channel.unary_unary("/shop/One")(b"refused", timeout=30)

        @pytest.mark.gatewayctl(unproven="it asks stable")
        def test_stable(gw):
            with gw.unmarked(), grpc.insecure_channel("dns:///shop.example.com:80") as channel:
                channel.unary_unary("/shop/One")(b"a", timeout=30)
    """,
    "grpc.aio": """
        import asyncio, grpc, pytest

        def test_calls():
            async def call():
                for _ in range(2):
                    async with grpc.aio.insecure_channel("shop.example.com:80") as channel:
                        assert await channel.unary_unary("/shop/One")(b"a", timeout=30) == b"a"
                        assert await channel.unary_unary("/shop/One")(b"b", timeout=30) == b"b"
                        stream = channel.stream_stream("/shop/Many")(timeout=30)
                        for message in (b"c", b"d"):
                            await stream.write(message)
                            assert await stream.read() == message
                        await stream.done_writing()
                        with pytest.raises(grpc.RpcError, match="no such order"):
                            await channel.unary_unary("/shop/One")(b"refused", timeout=30)
            asyncio.run(call())

        @pytest.mark.gatewayctl(unproven="it asks stable")
        def test_stable(gw):
            async def call():
                async with grpc.aio.insecure_channel("shop.example.com:80") as channel:
                    await channel.unary_unary("/shop/One")(b"a", timeout=30)
            with gw.unmarked():
                asyncio.run(call())
    """,
}


@pytest.mark.parametrize("client", CLIENTS)
def test_grpc_channels_are_led_and_each_call_is_an_answer(run_suite, client):
    seen: list[dict[str, str]] = []
    with ExitStack() as stack:
        urls = tuple(stack.enter_context(run_replica(seen)) for _ in range(2))
        endpoints = replace(LoopbackGateway(urls=urls).endpoints(), base_url=f"http://{HOST}")
        result = run_suite(CLIENTS[client], endpoints=endpoints)

    assert judge_suite(result).text == "2 passed, 1 without need of an answer, all 8 answers from the canary", (
        result.failures,
        result.odd_answers,
    )
    assert result.baseline == 1
    assert {one["replica"] for one in seen} == {url.rpartition(":")[2] for url in urls}
