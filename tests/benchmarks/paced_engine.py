"""An OpenAI-compatible server that writes tokens at a steady pace: `python -m tests.benchmarks.paced_engine`.

Prints its URL. `--rate` is tokens a second and reply, `--tokens` is the length of a reply; a request with
`max_tokens` gets that many.
"""

import argparse
import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop

from tests.support.processes import module

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_MODELS = b'{"data": [{"id": "paced"}]}'


def _chunk(data: str) -> bytes:
    event = f"data: {data}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


def _delta(content: str | None, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return _chunk(
        json.dumps({"id": "c-1", "object": "chat.completion.chunk", "model": "paced", "choices": [choice]})
    )


_TOKEN = _delta(" token")
_END = _delta(None, "stop") + _chunk("[DONE]") + b"0\r\n\r\n"


class Paced:
    def __init__(self, rate: float, tokens: int) -> None:
        self._rate = rate
        self._tokens = tokens

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_MODELS), _MODELS))
                return
            length = re.search(rb"content-length: (\d+)", head.lower())
            body = json.loads(await reader.readexactly(int(length[1]) if length else 0))
            writer.write(_HEAD)
            await self._write(writer, body.get("max_tokens") or self._tokens)
            writer.write(_END)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _write(self, writer: asyncio.StreamWriter, tokens: int) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number in range(tokens):
            await self.send(writer)
            await asyncio.sleep(begin + (number + 1) / self._rate - loop.time())

    async def send(self, writer: asyncio.StreamWriter) -> None:
        writer.write(_TOKEN)
        await writer.drain()


@asynccontextmanager
async def paced_engine(rate: float, tokens: int) -> AsyncIterator[str]:
    """Starts the engine in a process of its own, and gives its URL."""
    arguments = ("--rate", str(rate), "--tokens", str(tokens))
    async with module("tests.benchmarks.paced_engine", *arguments) as process:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()


async def _main(rate: float, tokens: int) -> None:
    server = await asyncio.start_server(Paced(rate, tokens).serve, "127.0.0.1", 0, backlog=2048)
    print("http://{}:{}/v1".format(*server.sockets[0].getsockname()), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--tokens", type=int, default=200)
    options = parser.parse_args()
    uvloop.run(_main(options.rate, options.tokens))
