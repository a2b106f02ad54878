"""Static files of the chat page and of the playground: compressed once, kept in memory, and cached by browsers."""

import asyncio
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from schema.endpoint.http.answers import HTTPError
from schema.endpoint.http.media import AcceptRange

_SCHEMA = Path(__file__).parent.parent
_INDEX = "index.html"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".ttf": "font/ttf",
    ".svg": "image/svg+xml",
    ".md": "text/markdown; charset=utf-8",
}
# Each page loads everything from this server and sends requests to no other.
_CLOSED = "default-src 'none'; script-src 'self'; connect-src 'self'; "
_SHUT = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Monaco, the playground's editor, writes inline styles and has fonts and workers.
_PLAYGROUND_POLICY = (
    f"{_CLOSED}style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; worker-src 'self'; {_SHUT}"
)
# The chat page shows what models write. No text of it can become HTML, and it has no picture from elsewhere.
_CHAT_POLICY = (
    f"{_CLOSED}style-src 'self'; img-src 'self' data: blob:; {_SHUT}; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class _File:
    raw: bytes
    compressed: bytes
    headers: Mapping[str, str]

    def response(self, request: Request, vary: str = "Accept-Encoding") -> Response:
        if request.headers.get("if-none-match") == self.headers["ETag"]:
            return Response(status_code=304, headers={**self.headers, "Vary": vary})
        if _takes_gzip(request.headers.get("accept-encoding", "")) and len(self.compressed) < len(self.raw):
            return Response(self.compressed, headers={**self.headers, "Content-Encoding": "gzip", "Vary": vary})
        return Response(self.raw, headers={**self.headers, "Vary": vary})


class Page:
    """A page with its files: those of one folder, under one Content-Security-Policy."""

    def __init__(self, name: str, built: Path, policy: str) -> None:
        self._name = name
        self._policy = policy
        self._paths = (
            {path.name: path for path in built.iterdir() if path.suffix in _TYPES} if built.is_dir() else {}
        )
        self._files: dict[str, _File] = {}

    def routes(self) -> list[BaseRoute]:
        """Returns the routes to the files that the page names."""
        return [Route("/{name}", self._asset)]

    async def page(self, request: Request) -> Response:
        """Returns the page itself. Raises HTTPError."""
        if _INDEX not in self._paths:
            raise HTTPError(404, f"The {self._name} is not built: its index.html is missing.", "NOT_FOUND")
        return (await self._file(_INDEX)).response(request, "Accept, Accept-Encoding")

    async def home(self, request: Request) -> Response:
        """Returns the page itself, or the error, for an address that is nothing but the page."""
        try:
            return await self.page(request)
        except HTTPError as error:
            return error.response()

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == _INDEX or name not in self._paths:
            return HTTPError(404, f"The {self._name} has no file of this name.", "NOT_FOUND").response()
        return (await self._file(name)).response(request)

    async def _file(self, name: str) -> _File:
        if name not in self._files:
            self._files[name] = await asyncio.to_thread(_read, self._paths[name], self._policy)
        return self._files[name]


def playground() -> Page:
    return Page("playground", _SCHEMA / "playground" / "built", _PLAYGROUND_POLICY)


def chat_page() -> Page:
    return Page("chat page", _SCHEMA / "chat" / "built", _CHAT_POLICY)


def _takes_gzip(accept_encoding: str) -> bool:
    ranges = [AcceptRange.read(entry) for entry in accept_encoding.split(",")]
    by_name = {one.name: one.quality for one in ranges}
    return by_name.get("gzip", by_name.get("*", 0.0)) > 0


def _read(path: Path, policy: str) -> _File:
    raw = path.read_bytes()
    is_named_by_content = path.suffix not in (".html", ".md")
    headers = {
        **_HEADERS,
        "Content-Security-Policy": policy,
        "Content-Type": _TYPES[path.suffix],
        "Cache-Control": _IMMUTABLE if is_named_by_content else "no-cache",
        "ETag": f'"{hashlib.sha256(raw).hexdigest()[:32]}"',
    }
    return _File(raw, gzip.compress(raw, compresslevel=6, mtime=0), headers)
