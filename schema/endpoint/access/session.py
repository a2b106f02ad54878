"""The address /session: signing in and out, and a cookie for the pages of this server in place of a token."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import Unavailable
from schema.endpoint import wire
from schema.endpoint.access.cookies import is_own_page
from schema.endpoint.access.gate import Gate, refusal
from schema.endpoint.browsers import Origins, cors_middleware
from schema.endpoint.http import requests
from schema.endpoint.http.answers import HTTPError, not_allowed
from services.access.credentials import Issued
from services.access.errors import TooManyAttempts, Unauthenticated
from services.access.identity import Identity
from services.access.issuer import IssuerUnavailable
from services.access.modes import AccessMode
from services.access.service import AccessService
from services.errors import Forbidden, InvalidInput

PATH = "/session"
_HEADERS = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
_MAX_BODY = 10_000
_WAYS = {AccessMode.OPEN: [], AccessMode.TOKEN: ["TOKEN"], AccessMode.ACCOUNTS: ["PASSWORD", "SETUP_CODE"]}


class Session:
    def __init__(self, gate: Gate, access: AccessService, origins: Origins) -> None:
        self._gate = gate
        self._access = access
        self._origins = origins
        self._methods = {"GET": self._show, "POST": self._sign_in, "PUT": self._change, "DELETE": self._sign_out}

    def route(self) -> Route:
        return Route(PATH, self._serve, methods=[*self._methods], middleware=cors_middleware(self._origins))

    async def _serve(self, request: Request) -> Response:
        try:
            if request.method not in self._methods:
                raise not_allowed(f"{request.method} is not supported here.", ", ".join(self._methods))
            return await self._methods[request.method](request)
        except (Unauthenticated, IssuerUnavailable) as error:
            return refusal(error).response()
        except TooManyAttempts as error:
            retry = {"Retry-After": str(error.retry_after)}
            return HTTPError(429, str(error), "TOO_MANY_ATTEMPTS", **retry).response()
        except Unavailable as error:
            retry = {"Retry-After": str(error.retry_after_seconds)}
            return HTTPError(503, str(error), "UNAVAILABLE", **retry).response()
        except InvalidInput as error:
            return HTTPError(400, error.message, "BAD_USER_INPUT").response()
        except Forbidden as error:
            return HTTPError(403, error.message, error.code.value).response()
        except HTTPError as error:
            return error.response()

    async def _show(self, request: Request) -> Response:
        """Say how one gets in, and whether the caller is in."""
        access, caller = self._access.mode, await self._caller(request)
        answer: dict[str, Any] = {"access": access.name, "isSignedIn": caller is not None, "ways": _WAYS[access]}
        if caller and access is AccessMode.ACCOUNTS:
            [user] = await self._access.users.by_ids([caller.owner])
            answer["user"] = user and {"id": user.id, "name": user.name, "displayName": user.display_name}
        return _answer(answer)

    async def _caller(self, request: Request) -> Identity | None:
        try:
            return self._gate.everybody or await self._gate.identify(request)
        except Unauthenticated:
            return None

    async def _sign_in(self, request: Request) -> Response:
        given = await _body(request)
        wants_cookie = given.get("cookie") is True
        if wants_cookie:
            # A page of another site must neither get a session here, nor put its own into this browser.
            _check_page(request)
        if self._access.start_token and wants_cookie:
            await self._gate.identify(request)
            cookie = self._access.start_token.cookie
            return _answer({"isSignedIn": True}, self._gate.cookies.set(request, cookie))
        issued = await self._issue(request, given)
        if wants_cookie:
            return _answer({"isSignedIn": True}, self._gate.cookies.set(request, issued.secret))
        expires_at = issued.credential.expires_at
        return _answer({"token": issued.secret, "expiresAt": expires_at and expires_at.isoformat()})

    async def _issue(self, request: Request, given: dict[str, Any]) -> Issued:
        if self._access.mode is not AccessMode.ACCOUNTS:
            raise HTTPError(400, 'Send {"cookie": true} with the token as `Authorization: Bearer …`.')
        signing_in, act = self._access.sign_in, self._gate.act(request)
        if "setupCode" in given:
            return await signing_in.by_setup_code(_text(given, "setupCode"), _text(given, "newPassword"), act)
        if "name" in given or "password" in given:
            return await signing_in.by_password(_text(given, "name"), _text(given, "password"), act)
        caller = await self._gate.identify(request)
        return await signing_in.session_for(caller, self._gate.act(request, caller))

    async def _change(self, request: Request) -> Response:
        given, caller = await _body(request), await self._gate.identify(request)
        act = self._gate.act(request, caller)
        current, new = _text(given, "currentPassword"), _text(given, "newPassword")
        await self._access.sign_in.change_password(caller, current, new, act)
        return _answer({"isSignedIn": True})

    async def _sign_out(self, request: Request) -> Response:
        is_own = is_own_page(request)
        if "authorization" not in request.headers:
            _check_page(request)
        caller = await self._caller(request)
        if caller and self._access.mode is AccessMode.ACCOUNTS:
            await self._access.sign_in.sign_out(caller, self._gate.act(request, caller))
        cookie = self._gate.cookies.set(request, "") if is_own else None
        return _answer({"isSignedIn": self._gate.everybody is not None}, cookie)


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


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise HTTPError(400, f"`{name}` must be a string.")
    return value


def _answer(body: dict[str, Any], cookie: str | None = None) -> Response:
    headers = {**_HEADERS, "content-type": "application/json; charset=utf-8"}
    return Response(wire.encode(body), 200, {**headers, "set-cookie": cookie} if cookie else headers)
