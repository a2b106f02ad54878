"""What a connection sends in one turn of the event loop is written when the turn has ended, and never lost."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from schema.endpoint.http.turns import TurnTransport
from tests.support.makers import until


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[TurnTransport, socket.socket]]:
    """Gives the server's side of a connection, and the client's as a socket that does not block."""
    loop = asyncio.get_running_loop()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as peer,
    ):
        peer.setblocking(False)
        accepted, _ = listener.accept()
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, accepted)
        try:
            yield TurnTransport(transport, loop), peer
        finally:
            transport.close()


async def received(peer: socket.socket) -> bytes:
    """Returns all that comes up to the end of the stream."""
    loop, found = asyncio.get_running_loop(), b""
    async with asyncio.timeout(10):
        while part := await loop.sock_recv(peer, 1000):
            found += part
    return found


async def test_answers_of_one_turn_are_written_when_it_has_ended() -> None:
    async with connected() as (transport, peer):
        transport.write(b"one, ")
        transport.write(b"two")
        with pytest.raises(BlockingIOError):
            peer.recv(1000)
        async with asyncio.timeout(10):
            assert await asyncio.get_running_loop().sock_recv(peer, 1000) == b"one, two"


async def test_nothing_is_lost_when_the_connection_is_closed_in_the_same_turn() -> None:
    async with connected() as (transport, peer):
        transport.write(b"the last words")
        transport.close()
        assert transport.is_closing()
        assert await received(peer) == b"the last words"


async def test_writing_goes_on_in_later_turns() -> None:
    async with connected() as (transport, peer):
        for number in range(3):
            transport.write(b"%d" % number)
            await asyncio.sleep(0)
        transport.close()
        assert await received(peer) == b"012"


def test_an_answer_to_a_client_that_has_left_causes_no_error() -> None:
    # Its transports, which the server uses, refuse what is written after their end.
    uvloop = pytest.importorskip("uvloop", reason="uvloop does not run on Windows")
    problems: list[dict[str, Any]] = []

    async def leave() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        async with connected() as (transport, peer):
            peer.close()
            await until(transport.is_closing)
            await asyncio.sleep(0.01)
            transport.write(b"nobody reads this")
            await asyncio.sleep(0.01)

    uvloop.run(leave())
    assert not problems


async def test_what_is_aborted_is_not_written() -> None:
    async with connected() as (transport, peer):
        transport.write(b"too slow a reader")
        transport.abort()
        with suppress(ConnectionResetError):
            assert await received(peer) == b""
