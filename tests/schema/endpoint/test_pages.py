"""Playground: a page at the URL of the API, and static files that browsers cache."""

import gzip
import re
from typing import Any

import pytest

from schema.endpoint.pages import BUILT
from tests.schema.endpoint.raw import Answer, exchange
from tests.support.client import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".ttf": "font/ttf",
    ".svg": "image/svg+xml",
    ".md": "text/markdown; charset=utf-8",
}
FILES = sorted(path.name for path in BUILT.iterdir() if path.suffix in KINDS)


async def get(served: Client, path: str, **headers: str) -> Answer:
    return await exchange(served.url, "GET", path=path, **headers)


def assert_locked_down(answer: Answer) -> None:
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


async def test_a_browser_gets_the_page(served: Client) -> None:
    answer = await get(served, "/graphql", accept=BROWSER)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert "Accept" in answer.headers["vary"]
    assert answer.body == (BUILT / "index.html").read_bytes()
    assert_locked_down(answer)


async def test_a_browser_that_asks_a_query_gets_its_answer(served: Client) -> None:
    answer = await get(served, "/graphql?query=%7B__typename%7D", accept=BROWSER)
    assert answer.json == {"data": {"__typename": "Query"}}


async def test_what_is_no_browser_gets_no_page(served: Client) -> None:
    for accept in ("*/*", "application/json"):
        assert (await get(served, "/graphql", accept=accept)).status == 400


@pytest.mark.parametrize("name", FILES)
async def test_each_file_is_served_as_what_it_is(served: Client, name: str) -> None:
    path = BUILT / name
    plain = await get(served, f"/playground/{name}")
    packed = await get(served, f"/playground/{name}", accept_encoding="gzip, br")
    for answer in (plain, packed):
        assert answer.status == 200
        assert answer.headers["content-type"] == KINDS[path.suffix]
        assert answer.headers["vary"] == "Accept-Encoding"
        kept = "no-cache" if path.suffix == ".md" else "public, max-age=31536000, immutable"
        assert answer.headers["cache-control"] == kept
        assert_locked_down(answer)
    assert "content-encoding" not in plain.headers
    assert plain.body == path.read_bytes()
    if "content-encoding" in packed.headers:
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body)
    else:
        assert len(plain.body) < 200


@pytest.mark.parametrize(
    "accepted, packed",
    [("gzip", True), ("br;q=1, GZIP;q=0.5", True), ("*", True), ("gzip;q=0", False), ("gzip;q=0, *", False)],
)
async def test_a_file_is_compressed_only_for_who_accepts_that(served: Client, accepted: str, packed: bool) -> None:
    [name] = [name for name in FILES if name.startswith("index") and name.endswith(".js")][:1]
    answer = await get(served, f"/playground/{name}", accept_encoding=accepted)
    assert ("content-encoding" in answer.headers) == packed


MISSING: list[Any] = [
    "index.html",
    "",
    "x.js",
    "../playground.py",
    "%2e%2e/playground.py",
    "..%2fplayground.py",
    "a/b.js",
]


@pytest.mark.parametrize("name", MISSING)
async def test_nothing_else_is_served(served: Client, name: str) -> None:
    assert (await get(served, f"/playground/{name}")).status == 404


async def test_the_page_names_only_files_that_are_there(served: Client) -> None:
    page = (BUILT / "index.html").read_text()
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert named
    for path in named:
        assert path.startswith("/playground/")
        assert (await get(served, path)).status == 200
