"""The address /export: everything that belongs to the caller, as a zip file."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from schema.endpoint.access.gate import Gate
from schema.endpoint.browsers import Origins, cors_middleware
from schema.endpoint.http.answers import HTTPError, not_allowed
from schema.endpoint.http.open_connections import OpenConnections
from services.exporting import ExportService

PATH = "/export"


class Export:
    def __init__(self, gate: Gate, service: ExportService, origins: Origins, open: OpenConnections) -> None:
        self._gate = gate
        self._service = service
        self._origins = origins
        self._open = open

    def route(self) -> Route:
        return Route(PATH, self, middleware=cors_middleware(self._origins))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: ASGIApp
        try:
            if scope["method"] != "GET":
                raise not_allowed("Everything is exported by GET.", "GET")
            self._origins.check_get(Request(scope), is_page=False)
            owner = (await self._gate.caller(scope)).owner
            with self._open.one_more():
                await self._send(owner, send)
            return
        except HTTPError as error:
            response = error.response()
        await response(scope, receive, send)

    async def _send(self, owner: str, send: Send) -> None:
        name = f"repartee-{datetime.now(UTC):%Y-%m-%d}.zip"
        headers = {
            "content-type": "application/zip",
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
        }
        raw = [(key.encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        async for part in self._service.zip(owner):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
