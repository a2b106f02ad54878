"""The playground's files, as they were built: compressed once, kept in memory, and cached by browsers."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from schema.endpoint.answers import Fault

BUILT = Path(__file__).parent.parent / "playground" / "built"
PAGE = "index.html"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".ttf": "font/ttf",
    ".svg": "image/svg+xml",
    ".md": "text/markdown; charset=utf-8",
}
# Everything comes from this server, and nothing else may be asked.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; worker-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class _File:
    raw: bytes
    packed: bytes
    headers: Mapping[str, str]

    def response(self, request: Request, vary: str = "Accept-Encoding") -> Response:
        takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
        if takes_gzip and len(self.packed) < len(self.raw):
            return Response(self.packed, headers={**self.headers, "Content-Encoding": "gzip", "Vary": vary})
        return Response(self.raw, headers={**self.headers, "Vary": vary})


class Playground:
    def __init__(self, built: Path = BUILT) -> None:
        self._paths = (
            {path.name: path for path in built.iterdir() if path.suffix in _TYPES} if built.is_dir() else {}
        )
        self._files: dict[str, _File] = {}

    def routes(self) -> list[BaseRoute]:
        return [Route("/{name}", self._asset)]

    async def page(self, request: Request) -> Response:
        """Answer a browser at the API's own address. Raises Fault."""
        if PAGE not in self._paths:
            raise Fault(404, "The playground is not built.", "NOT_FOUND")
        return (await self._file(PAGE)).response(request, "Accept, Accept-Encoding")

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == PAGE or name not in self._paths:
            return Fault(404, "There is no such file.", "NOT_FOUND").response()
        return (await self._file(name)).response(request)

    async def _file(self, name: str) -> _File:
        if name not in self._files:
            self._files[name] = await asyncio.to_thread(_read, self._paths[name])
        return self._files[name]


def _read(path: Path) -> _File:
    raw = path.read_bytes()
    is_named_by_content = path.suffix not in (".html", ".md")
    headers = {
        **_HEADERS,
        "Content-Type": _TYPES[path.suffix],
        "Cache-Control": _FOR_EVER if is_named_by_content else "no-cache",
    }
    return _File(raw, gzip.compress(raw, compresslevel=6, mtime=0), headers)
