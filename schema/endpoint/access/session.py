"""The address /session: how one signs in, and a cookie for the pages of this server in place of a token."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schema.endpoint import wire
from schema.endpoint.access.cookies import is_own_page
from schema.endpoint.access.gate import Gate, refusal
from schema.endpoint.browsers import Origins, cors_middleware
from schema.endpoint.http import requests
from schema.endpoint.http.answers import HTTPError, not_allowed
from services.access.errors import Unauthenticated
from services.access.modes import AccessMode
from services.access.service import AccessService

PATH = "/session"
_METHODS = ("GET", "POST", "DELETE")
_HEADERS = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
_MAX_BODY = 10_000


class Session:
    def __init__(self, gate: Gate, access: AccessService, origins: Origins) -> None:
        self._gate = gate
        self._access = access
        self._origins = origins

    def route(self) -> Route:
        return Route(PATH, self._serve, methods=[*_METHODS, "PUT"], middleware=cors_middleware(self._origins))

    async def _serve(self, request: Request) -> Response:
        try:
            match request.method:
                case "GET":
                    return await self._ways_in(request)
                case "POST":
                    return await self._sign_in(request)
                case "DELETE":
                    return await self._sign_out(request)
            raise not_allowed(f"{request.method} is not supported here.", ", ".join(_METHODS))
        except Unauthenticated as error:
            return refusal(error).response()
        except HTTPError as error:
            return error.response()

    async def _ways_in(self, request: Request) -> Response:
        ways = {AccessMode.OPEN: [], AccessMode.TOKEN: ["TOKEN"]}
        access = self._access.mode
        signed_in = await self._is_signed_in(request)
        return _answer({"access": access.name, "isSignedIn": signed_in, "ways": ways[access]})

    async def _is_signed_in(self, request: Request) -> bool:
        if self._gate.everybody:
            return True
        try:
            return bool(await self._gate.identify(request))
        except Unauthenticated:
            return False

    async def _sign_in(self, request: Request) -> Response:
        given = await _body(request)
        if given.get("cookie") is not True:
            raise HTTPError(400, 'Send {"cookie": true} with the token as `Authorization: Bearer …`.')
        _check_page(request)
        token = self._access.start_token
        if token is None:
            return _answer({"isSignedIn": True})
        await self._gate.identify(request)
        return _answer({"isSignedIn": True}, self._gate.cookies.set(request, token.cookie))

    async def _sign_out(self, request: Request) -> Response:
        _check_page(request)
        return _answer({"isSignedIn": self._gate.everybody is not None}, self._gate.cookies.set(request, ""))


def _check_page(request: Request) -> None:
    if not is_own_page(request):
        raise HTTPError(403, "Only the pages of this server get its cookie.", "ORIGIN_NOT_ALLOWED")


async def _body(request: Request) -> dict[str, Any]:
    requests.check_content_type(request.headers.get("content-type", "").encode())
    try:
        given = wire.decode(await requests.body(request.scope, request.receive, _MAX_BODY))
    except wire.MalformedText as error:
        raise HTTPError(400, str(error)) from None
    if not isinstance(given, dict):
        raise HTTPError(400, "The body must be a JSON object.")
    return given


def _answer(body: dict[str, Any], cookie: str | None = None) -> Response:
    headers = {**_HEADERS, "content-type": "application/json; charset=utf-8"}
    return Response(wire.encode(body), 200, {**headers, "set-cookie": cookie} if cookie else headers)
