"""The sign-in form that the pages of this server share: two static files, looked at by browsers each time."""

from pathlib import Path

from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PATH = "/sign-in"
_FOLDER = Path(__file__).parents[2] / "sign-in"


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        response.headers["x-content-type-options"] = "nosniff"
        return response


def form() -> Mount:
    return Mount(PATH, _Files(directory=_FOLDER))
