"""A Starlette route that answers without GraphQL and without a database, served as app.py serves ours."""

import asyncio
import socket

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_ANSWER = b'{"data":{"__typename":"Query"}}'


async def _answer(request: Request) -> Response:
    return Response(_ANSWER, media_type="application/json")


async def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        Starlette(routes=[Route("/graphql", _answer, methods=["POST"])]),
        log_config=None,
        lifespan="off",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/graphql", flush=True)
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
