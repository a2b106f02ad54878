"""Whether the server is alive, and whether it is ready for more requests: for supervisors and load balancers."""

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services import Services
from services.server import VERSION

logger = logging.getLogger("repartee")

# Seconds that the database gets to answer, for a server that is alive and for one that shall get more requests.
_ALIVE_SECONDS, _READY_SECONDS = 5, 1


class Health:
    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        return [Route("/health", self._alive), Route("/ready", self._ready)]

    async def _alive(self, request: Request) -> Response:
        return _answer("ok" if await self._database_answers(_ALIVE_SECONDS) else "unavailable")

    async def _ready(self, request: Request) -> Response:
        if self._services.draining.is_set():
            return _answer("stopping")
        return _answer("ok" if await self._database_answers(_READY_SECONDS) else "unavailable")

    async def _database_answers(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._services.database_answers()
        except TimeoutError:
            logger.warning("The database does not answer within %d s.", seconds)
            return False


def _answer(status: str) -> Response:
    return JSONResponse({"status": status, "version": VERSION}, 200 if status == "ok" else 503)
