"""Chat page and playground: pages at `/` and at the URL of the API, and static files that browsers cache."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

import schema
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
SCHEMA = Path(schema.__file__).parent
# The addresses of the pages, and their folders.
PAGES = {"/": "chat", "/graphql": "playground"}
FILES = sorted(
    (folder, path.name)
    for folder in PAGES.values()
    for path in (SCHEMA / folder / "built").iterdir()
    if path.suffix in KINDS
)


async def get(served: Client, path: str, **headers: str) -> Answer:
    return await exchange(served.url, "GET", path=path, **headers)


def assert_locked_down(answer: Answer) -> None:
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(("address", "folder"), PAGES.items())
async def test_a_browser_gets_the_page(served: Client, address: str, folder: str) -> None:
    answer = await get(served, address, accept=BROWSER)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert "Accept" in answer.headers["vary"]
    assert answer.body == (SCHEMA / folder / "built" / "index.html").read_bytes()
    assert_locked_down(answer)


@pytest.mark.parametrize("address", PAGES)
async def test_a_page_that_a_browser_has_is_not_sent_again(served: Client, address: str) -> None:
    first = await get(served, address, accept=BROWSER)
    again = await get(served, address, accept=BROWSER, if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert (await get(served, address, accept=BROWSER, if_none_match='"other"')).status == 200


async def test_no_text_of_the_chat_page_can_become_html(served: Client) -> None:
    policy = (await get(served, "/")).headers["content-security-policy"]
    assert "require-trusted-types-for 'script'" in policy
    assert "trusted-types 'none'" in policy
    assert "unsafe" not in policy


async def test_a_browser_that_asks_a_query_gets_its_answer(served: Client) -> None:
    answer = await get(served, "/graphql?query=%7B__typename%7D", accept=BROWSER)
    assert answer.json == {"data": {"__typename": "Query"}}


async def test_what_is_no_browser_gets_no_page(served: Client) -> None:
    for accept in ("*/*", "application/json"):
        assert (await get(served, "/graphql", accept=accept)).status == 400


@pytest.mark.parametrize(("folder", "name"), FILES)
async def test_each_file_is_served_as_what_it_is(served: Client, folder: str, name: str) -> None:
    path = SCHEMA / folder / "built" / name
    plain = await get(served, f"/{folder}/{name}")
    packed = await get(served, f"/{folder}/{name}", accept_encoding="gzip, br")
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
    [(folder, name)] = [file for file in FILES if file[1].startswith("index") and file[1].endswith(".js")][:1]
    answer = await get(served, f"/{folder}/{name}", accept_encoding=accepted)
    assert ("content-encoding" in answer.headers) == packed


MISSING: list[Any] = [
    "index.html",
    "",
    "x.js",
    "documents.json",
    "../playground.py",
    "%2e%2e/playground.py",
    "..%2fplayground.py",
    "a/b.js",
]


@pytest.mark.parametrize("folder", PAGES.values())
@pytest.mark.parametrize("name", MISSING)
async def test_nothing_else_is_served(served: Client, folder: str, name: str) -> None:
    assert (await get(served, f"/{folder}/{name}")).status == 404


@pytest.mark.parametrize("folder", PAGES.values())
async def test_the_page_names_only_files_that_are_there(served: Client, folder: str) -> None:
    page = (SCHEMA / folder / "built" / "index.html").read_text()
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert named
    for path in named:
        assert path.startswith(f"/{folder}/")
        assert (await get(served, path)).status == 200
