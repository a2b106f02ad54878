"""HTTP responses: status, media type and headers."""

import json

import pytest

from tests.schema.endpoint.raw import GRAPHQL, exchange, post
from tests.schema.endpoint.raw_socket import post as posted
from tests.schema.endpoint.raw_socket import raw_socket
from tests.support.client import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_answer_names_its_media_type_and_what_it_varies_by(served: Client) -> None:
    for accept in (GRAPHQL, "application/json"):
        answer = await post(served.url, {"query": "{__typename}"}, accept)
        assert answer.status == 200
        assert answer.headers["content-type"] == f"{accept}; charset=utf-8"
        assert "accept" in answer.headers["vary"].lower()
        assert answer.json == {"data": {"__typename": "Query"}}


async def test_no_answer_is_kept_or_taken_for_something_else(served: Client) -> None:
    get = await exchange(served.url, "GET", path="/graphql?query=%7B__typename%7D")
    refused = await post(served.url, {"query": "{__typename}"}, "image/png")
    streamed = await post(served.url, {"query": "{__typename}"}, "text/event-stream")
    for answer in (get, refused, streamed, await post(served.url, {"query": "{ nothing }"})):
        assert "no-store" in answer.headers["cache-control"].split(", ")
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_request_error_is_400_only_where_clients_expect_it(served: Client) -> None:
    for accept, status in ((GRAPHQL, 400), ("application/json", 200)):
        answer = await post(served.url, {"query": "{ nothing }"}, accept)
        assert answer.status == status
        assert "data" not in answer.json
        assert answer.error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert answer.error["locations"] == [{"line": 1, "column": 3}]


async def test_a_query_may_come_by_get(served: Client) -> None:
    query = "query%20Q($n:Int!)%7Bcharacters(first:$n,search:%22nobody%22)%7Bid%7D%7D"
    query += "&variables=%7B%22n%22:1%7D&operationName=Q"
    answer = await exchange(served.url, "GET", path=f"/graphql?query={query}", accept="application/json")
    assert (answer.status, answer.json) == (200, {"data": {"characters": []}})


async def test_a_mutation_by_get_is_refused_before_it_does_anything(served: Client) -> None:
    query = "mutation%7BcreateCharacter(input:%7Bname:%22unwanted%22%7D)%7B__typename%7D%7D"
    answer = await exchange(served.url, "GET", path=f"/graphql?query={query}", accept="application/json")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert (await served.run('{ characters(search: "unwanted") { id } }'))["characters"] == []


async def test_methods_are_listed_for_who_asks(served: Client) -> None:
    for method, status in (("OPTIONS", 204), ("HEAD", 405), ("PUT", 405)):
        answer = await exchange(served.url, method)
        assert (answer.status, answer.headers["allow"]) == (status, "GET, POST, OPTIONS")


async def test_a_subscription_over_json_is_told_where_it_can_go(served: Client) -> None:
    document = 'subscription { replyStream(conversationId: "x") { cursor } }'
    for accept in (GRAPHQL, "application/json"):
        answer = await post(served.url, {"query": document}, accept)
        assert answer.status == 406
        for transport in ("text/event-stream", "multipart/mixed", "WebSocket"):
            assert transport in answer.error["message"]


async def test_big_integers_survive_on_the_way_in_and_out(served: Client) -> None:
    made = await served.run('mutation { createCharacter(input: {name: "Ada"}) { character { id } } }')
    character = made["createCharacter"]["character"]["id"]
    history = [{"role": "user", "content": "x", "n": 2**80 + 1, "m": 2**63 + 1}]
    document = """mutation ($id: ID!, $history: JSON!) {
        importConversation(input: {characterId: $id, chatHistory: $history}) { conversation { chatHistory } } }"""
    kept = await served.run(document, id=character, history=history)
    assert kept["importConversation"]["conversation"]["chatHistory"] == history


async def test_several_operations_run_the_one_that_is_named(served: Client) -> None:
    document = "query A { a: __typename } query B { b: __typename }"
    answer = await post(served.url, {"query": document, "operationName": "B"})
    assert answer.json == {"data": {"b": "Query"}}
    refused = await post(served.url, {"query": document})
    assert refused.status == 400
    assert "operationName" in refused.error["message"]


async def test_a_body_in_pieces_is_put_together(served: Client) -> None:
    body = json.dumps({"query": "{__typename}"}).encode()
    pieces = b"".join(b"1\r\n" + body[at : at + 1] + b"\r\n" for at in range(len(body))) + b"0\r\n\r\n"
    given = {"content_type": "application/json", "transfer_encoding": "chunked"}
    answer = await exchange(served.url, "POST", pieces, **given)
    assert answer.json == {"data": {"__typename": "Query"}}


async def test_requests_in_one_piece_are_answered_in_turn_and_the_last_says_that_it_is(served: Client) -> None:
    ask = posted(b'{"query": "{ __typename }"}')
    last = ask.replace(b"Accept:", b"Connection: close\r\nAccept:")
    async with raw_socket(served.url) as socket:
        await socket.send(ask + last)
        first, second = (await socket.read_all()).split(b"HTTP/1.1 200 OK\r\n")[1:]
    data = b'\r\n\r\n{"data":{"__typename":"Query"}}'
    assert first.endswith(data)
    assert second.endswith(data)
    assert b"connection: close" not in first
    assert b"connection: close\r\n" in second
