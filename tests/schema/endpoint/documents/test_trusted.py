"""Persisted queries, trusted documents, and the LRU cache."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import schema
from app import StartError, create_app
from services import Services
from tests.conftest import serving
from tests.schema.endpoint.raw import exchange, post
from tests.support.client import Client

QUERY = "query Hello { __typename }"
HASH = hashlib.sha256(QUERY.encode()).hexdigest()
HELLO = {"data": {"__typename": "Query"}}


def persisted(sha256: str = HASH) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256}}}


async def test_a_document_is_sent_once_and_then_named_by_its_hash(client: Client) -> None:
    answer = await post(client.url, persisted())
    assert answer.status == 400
    assert answer.error == {
        "message": "PersistedQueryNotFound",
        "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
    }
    assert (await post(client.url, {"query": QUERY, **persisted()})).json == HELLO
    assert (await post(client.url, persisted())).json == HELLO
    extensions = json.dumps(persisted()["extensions"]).replace(" ", "").replace('"', "%22")
    assert (await exchange(client.url, "GET", path=f"/graphql?extensions={extensions}")).json == HELLO


async def test_a_hash_of_something_else_registers_nothing(client: Client) -> None:
    answer = await post(client.url, {"query": QUERY, **persisted("0" * 64)})
    assert answer.error["extensions"]["code"] == "PERSISTED_QUERY_HASH_MISMATCH"
    assert (await post(client.url, persisted("0" * 64))).error["message"] == "PersistedQueryNotFound"


async def test_a_document_that_is_wrong_is_not_registered(client: Client) -> None:
    wrong = "{ nothing }"
    sha256 = hashlib.sha256(wrong.encode()).hexdigest()
    await post(client.url, {"query": wrong, **persisted(sha256)})
    assert (await post(client.url, persisted(sha256))).error["message"] == "PersistedQueryNotFound"


CHAT_PAGE = json.loads(Path(schema.__file__).with_name("chat").joinpath("built", "documents.json").read_text())
LISTED = {"hello": QUERY}
MANIFEST = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": "hello", "name": "Hello", "type": "query", "body": QUERY}],
}


@pytest.mark.parametrize("content", [LISTED, MANIFEST])
async def test_trusted_documents_go_by_id_and_by_hash(services: Services, tmp_path: Path, content: Any) -> None:
    async with trusting(services, tmp_path, content) as client:
        for named in ({"documentId": "hello"}, {"documentId": f"sha256:{HASH}"}, persisted()):
            assert (await post(client.url, named)).json == HELLO
        assert (await exchange(client.url, "GET", path="/graphql?documentId=hello")).json == HELLO
        assert (await post(client.url, {"query": QUERY})).json == HELLO
        unknown = await post(client.url, {"documentId": "other"})
        assert (unknown.status, unknown.error["extensions"]["code"]) == (404, "PERSISTED_DOCUMENT_NOT_FOUND")


async def test_nothing_else_is_executed_where_only_trusted_documents_are(
    services: Services, tmp_path: Path
) -> None:
    async with trusting(services, tmp_path, LISTED, documents_only=True) as client:
        assert (await post(client.url, {"documentId": "hello"})).json == HELLO
        other = "{ a: __typename }"
        refused = await post(client.url, {"query": other})
        assert (refused.status, refused.error["extensions"]["code"]) == (403, "DOCUMENT_NOT_TRUSTED")
        sha256 = hashlib.sha256(other.encode()).hexdigest()
        assert (await post(client.url, {"query": other, **persisted(sha256)})).status == 403
        assert (await post(client.url, persisted(sha256))).error["message"] == "PersistedQueryNotFound"
        [event] = [event async for event in client.watch_socket(other)]
        assert event["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


async def test_the_documents_of_the_chat_page_are_always_trusted(services: Services, tmp_path: Path) -> None:
    """Or a server that executes only trusted documents would shut its own page out."""
    async with trusting(services, tmp_path, LISTED, documents_only=True) as client:
        start = CHAT_PAGE["Start"]
        answer = (await post(client.url, {"query": start})).json
        assert answer["data"]["serverInfo"]["engine"] == "test"
        # A text that is known may be sent as it is, of the file too; one that is like it may not.
        assert (await post(client.url, {"query": QUERY})).json == HELLO
        assert (await post(client.url, {"query": start + " "})).status == 403
        # Their names are the page's own and take none of the file's.
        assert (await post(client.url, {"documentId": "Start"})).status == 404


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"format": "apollo-persisted-query-manifest"}'])
async def test_a_file_that_cannot_be_read_stops_the_start(
    services: Services, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "documents.json"
    file.write_text(content)
    changed = services.settings.model_copy(update={"documents_file": file})
    with pytest.raises(StartError, match=r"documents\.json cannot be read"):
        create_app(replace(services, settings=changed))


async def test_only_trusted_documents_need_a_file(services: Services) -> None:
    changed = services.settings.model_copy(update={"documents_only": True})
    with pytest.raises(StartError, match="REPARTEE_DOCUMENTS_FILE"):
        create_app(replace(services, settings=changed))


def trusting(services: Services, folder: Path, content: Any, **more: Any) -> Any:
    file = folder / "documents.json"
    file.write_text(json.dumps(content))
    changed = services.settings.model_copy(update={"documents_file": file, **more})
    return serving(replace(services, settings=changed))
