"""Malformed requests and messages are rejected with the right status or close code, and no exception is shown."""

import json
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.schema.endpoint.raw import GRAPHQL, exchange
from tests.support.client import PROTOCOL, Client, subscribe

TYPENAME = b'{"query": "{__typename}"}'
pytestmark = pytest.mark.asyncio(loop_scope="module")

POST: dict[str, Any] = {"method": "POST", "content_type": "application/json"}
GET: dict[str, Any] = {"method": "GET"}

# What is sent, and the status it gets.
REQUESTS: dict[str, tuple[dict[str, Any], int]] = {
    "no body": (POST, 400),
    "a text": ({**POST, "body": b'"x"'}, 400),
    "a number": ({**POST, "body": b"5"}, 400),
    "null": ({**POST, "body": b"null"}, 400),
    "true": ({**POST, "body": b"true"}, 400),
    "an empty list": ({**POST, "body": b"[]"}, 400),
    "a batch": ({**POST, "body": b"[" + TYPENAME + b"]"}, 400),
    "an empty object": ({**POST, "body": b"{}"}, 400),
    "half an object": ({**POST, "body": b'{"query": "{__typename}"'}, 400),
    "two objects": ({**POST, "body": TYPENAME * 2}, 400),
    "single quotes": ({**POST, "body": b"{'query': '{__typename}'}"}, 400),
    "a form": ({**POST, "body": b"query=%7B__typename%7D"}, 400),
    "invalid UTF-8": ({**POST, "body": b'{"query": "\xff\xfe"}'}, 400),
    "UTF-16": ({**POST, "body": '{"query": "{__typename}"}'.encode("utf-16")}, 400),
    "a byte order mark": ({**POST, "body": b"\xef\xbb\xbf" + TYPENAME}, 400),
    "NUL": ({**POST, "body": b"\0"}, 400),
    "200,000 brackets": ({**POST, "body": b"[" * 200_000}, 400),
    "200,000 braces": ({**POST, "body": b'{"a":' * 200_000}, 400),
    "600,000 lists": (
        {**POST, "body": b'{"query": "{__typename}", "variables": {"a": [' + b"[]," * 600_000 + b"[]]}}"},
        400,
    ),
    "NaN": ({**POST, "body": b'{"query": "{__typename}", "variables": {"a": NaN}}'}, 400),
    "Infinity": ({**POST, "body": b'{"query": "{__typename}", "variables": {"a": -Infinity}}'}, 400),
    "a number too big": ({**POST, "body": b'{"query": "{__typename}", "variables": {"a": 1e999}}'}, 400),
    "a number too long": (
        {**POST, "body": b'{"query": "{__typename}", "variables": {"a": ' + b"1" * 5000 + b"}}"},
        400,
    ),
    "query is a number": ({**POST, "body": b'{"query": 1}'}, 400),
    "query is a list": ({**POST, "body": b'{"query": ["{__typename}"]}'}, 400),
    "query is null": ({**POST, "body": b'{"query": null}'}, 400),
    "variables are a text": ({**POST, "body": b'{"query": "{__typename}", "variables": "{}"}'}, 400),
    "variables are a list": ({**POST, "body": b'{"query": "{__typename}", "variables": []}'}, 400),
    "operationName is a number": ({**POST, "body": b'{"query": "{__typename}", "operationName": 1}'}, 400),
    "operationName is an object": ({**POST, "body": b'{"query": "{__typename}", "operationName": {}}'}, 400),
    "extensions are a text": ({**POST, "body": b'{"query": "{__typename}", "extensions": ""}'}, 400),
    "persistedQuery is a text": ({**POST, "body": b'{"extensions": {"persistedQuery": "x"}}'}, 400),
    "persistedQuery is empty": ({**POST, "body": b'{"extensions": {"persistedQuery": {}}}'}, 400),
    "persistedQuery version 2": (
        {**POST, "body": b'{"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "x"}}}'},
        400,
    ),
    "documentId is a number": ({**POST, "body": b'{"documentId": 5}'}, 400),
    "documentId and query": ({**POST, "body": b'{"documentId": "a", "query": "{__typename}"}'}, 400),
    "an unknown documentId": ({**POST, "body": b'{"documentId": "a"}'}, 404),
    "an empty query": ({**POST, "body": b'{"query": ""}'}, 400),
    "blanks": ({**POST, "body": b'{"query": " \\n"}'}, 400),
    "a comment": ({**POST, "body": b'{"query": "# nothing"}'}, 400),
    "no GraphQL": ({**POST, "body": b'{"query": "SELECT 1"}'}, 400),
    "a half surrogate": ({**POST, "body": b'{"query": "{ \\ud800 }"}'}, 400),
    "NUL in the query": ({**POST, "body": b'{"query": "{ \\u0000 }"}'}, 400),
    "a number of 5,000 digits": (
        {**POST, "body": b'{"query": "{characters(first: ' + b"9" * 5000 + b'){id}}"}'},
        400,
    ),
    "only a fragment": ({**POST, "body": b'{"query": "fragment F on Query {__typename}"}'}, 400),
    "a type definition": ({**POST, "body": b'{"query": "type A { a: Int }"}'}, 400),
    "two operations": ({**POST, "body": b'{"query": "query A {__typename} query B {__typename}"}'}, 400),
    "an unknown operation": ({**POST, "body": b'{"query": "query A {__typename}", "operationName": "B"}'}, 400),
    "a missing variable": ({**POST, "body": b'{"query": "query ($id: ID!) {node(id: $id) {id}}"}'}, 400),
    "a variable of another type": (
        {**POST, "body": b'{"query": "query ($n: Int!) {characters(first: $n) {id}}", "variables": {"n": "x"}}'},
        400,
    ),
    "a subscription over JSON": (
        {**POST, "body": b'{"query": "subscription {replyStream(conversationId: 1) {cursor}}"}'},
        406,
    ),
    "no content type": ({"method": "POST", "body": TYPENAME}, 415),
    "an empty content type": ({**POST, "body": TYPENAME, "content_type": ""}, 415),
    "text/plain": ({**POST, "body": TYPENAME, "content_type": "text/plain"}, 415),
    "a form's content type": (
        {**POST, "body": TYPENAME, "content_type": "application/x-www-form-urlencoded"},
        415,
    ),
    "an upload": ({**POST, "body": TYPENAME, "content_type": "multipart/form-data; boundary=x"}, 415),
    "application/graphql": ({**POST, "body": b"{__typename}", "content_type": "application/graphql"}, 415),
    "almost JSON": ({**POST, "body": TYPENAME, "content_type": "application/jsonx"}, 415),
    "another charset": ({**POST, "body": TYPENAME, "content_type": "application/json; charset=utf-16"}, 415),
    "an image, please": ({**POST, "body": TYPENAME, "accept": "image/png"}, 406),
    "nothing, please": ({**POST, "body": TYPENAME, "accept": "*/*;q=0"}, 406),
    "@defer's multipart": ({**POST, "body": TYPENAME, "accept": "multipart/mixed;deferSpec=20220824"}, 406),
    "rubbish, please": ({**POST, "body": TYPENAME, "accept": ',;"='}, 406),
    "a broken quotation": ({**POST, "body": TYPENAME, "accept": 'a;b="' + '\\"' * 3000}, 406),
    "PUT": ({**POST, "method": "PUT", "body": TYPENAME}, 405),
    "DELETE": ({**POST, "method": "DELETE"}, 405),
    "PATCH": ({**POST, "method": "PATCH", "body": TYPENAME}, 405),
    "TRACE": ({"method": "TRACE"}, 405),
    "GET without a query": (GET, 400),
    "GET with an empty query": ({**GET, "query": "query="}, 400),
    "GET with two queries": ({**GET, "query": "query={a}&query={b}"}, 400),
    "GET with variables of no JSON": ({**GET, "query": "query={__typename}&variables=x"}, 400),
    "GET with variables as a list": ({**GET, "query": "query={__typename}&variables=[]"}, 400),
    "GET with extensions as a text": ({**GET, "query": 'query={__typename}&extensions="x"'}, 400),
    "GET with broken percent signs": ({**GET, "query": "query=%ff%zz"}, 400),
    "a mutation by GET": (
        {**GET, "query": "query=mutation{deleteCharacter(input:{characterId:1}){__typename}}"},
        405,
    ),
    "a subscription by GET": ({**GET, "query": "query=subscription{replyStream(conversationId:1){cursor}}"}, 406),
    "a body too long": ({**POST, "body": b" " * 30_000_000}, 413),
    "a chunked body too long": (
        {**POST, "transfer_encoding": "chunked", "body": b"1c9c380\r\n" + b" " * 30_000_000 + b"\r\n0\r\n\r\n"},
        413,
    ),
    "a foreign host": ({**POST, "body": TYPENAME, "host": "evil.example"}, 421),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_malformed_request_is_refused_in_json(served: Client, name: str) -> None:
    sent, status = REQUESTS[name]
    given = {"accept": GRAPHQL, **sent}
    query = given.pop("query", None)
    path = f"/graphql?{query}".replace(" ", "%20") if query is not None else None
    answer = await exchange(served.url, given.pop("method"), given.pop("body", b""), path, **given)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"].split(";")[0] in (GRAPHQL, "application/json")
    assert "data" not in answer.json
    assert answer.json["errors"][0]["extensions"]["code"]
    assert_tells_nothing(answer.body.decode())
    if status == 405:
        assert answer.headers["allow"]
    # The server is as well as before.
    assert (await served.run("{__typename}"))["__typename"] == "Query"


def assert_tells_nothing(text: str) -> None:
    for word in ("Traceback", "Exception", "File ", "object at 0x", "NoneType", "sys."):
        assert word not in text, text


INIT = '{"type": "connection_init"}'
SUBSCRIBE: dict[str, Any] = {"id": "1", "type": "subscribe", "payload": {"query": "{__typename}"}}


def changed(**parts: Any) -> str:
    return json.dumps({**SUBSCRIBE, **parts})


def asking(**parts: Any) -> str:
    return changed(payload={"query": "{__typename}", **parts})


# What is sent, and the code the socket is closed with.
MESSAGES: dict[str, tuple[list[str | bytes], int]] = {
    "no JSON": (["x"], 4400),
    "nothing": ([""], 4400),
    "a list": (["[]"], 4400),
    "a number": (["5"], 4400),
    "null": (["null"], 4400),
    "a text": (['"connection_init"'], 4400),
    "no type": (["{}"], 4400),
    "a type that is a list": (['{"type": []}'], 4400),
    "an unknown type": (['{"type": "start"}'], 4400),
    "an unknown type, very long": (['{"type": "' + "é" * 500 + '"}'], 4400),
    "a message of the server's": ([INIT, '{"type": "next", "id": "1"}'], 4400),
    "deep brackets": ([INIT, "[" * 100_000], 4400),
    "a long message before init": (["[" * 1_000_000], 1009),
    "bytes": ([INIT.encode()], 4400),
    "NaN": ([INIT, '{"type": "ping", "payload": {"a": NaN}}'], 4400),
    "init with a text": (['{"type": "connection_init", "payload": "x"}'], 4400),
    "init with a list": (['{"type": "connection_init", "payload": []}'], 4400),
    "init twice": ([INIT, INIT], 4429),
    "ping with a number": ([INIT, '{"type": "ping", "payload": 5}'], 4400),
    "pong with a list": ([INIT, '{"type": "pong", "payload": []}'], 4400),
    "subscribe before init": ([changed()], 4401),
    "no id": ([INIT, '{"type": "subscribe", "payload": {"query": "{__typename}"}}'], 4400),
    "an empty id": ([INIT, changed(id="")], 4400),
    "an id that is a number": ([INIT, changed(id=1)], 4400),
    "an id that is null": ([INIT, changed(id=None)], 4400),
    "an id of a megabyte": ([INIT, changed(id="x" * 1_000_000)], 4400),
    "no payload": ([INIT, '{"type": "subscribe", "id": "1"}'], 4400),
    "a payload that is null": ([INIT, changed(payload=None)], 4400),
    "a payload that is a list": ([INIT, changed(payload=[])], 4400),
    "a payload without a query": ([INIT, changed(payload={})], 4400),
    "a query that is null": ([INIT, asking(query=None)], 4400),
    "a query that is a number": ([INIT, asking(query=5)], 4400),
    "variables that are a list": ([INIT, asking(variables=[])], 4400),
    "an operationName that is a number": ([INIT, asking(operationName=5)], 4400),
    "extensions that are a text": ([INIT, asking(extensions="x")], 4400),
    "complete without an id": ([INIT, '{"type": "complete"}'], 4400),
    "complete with a number": ([INIT, '{"type": "complete", "id": 1}'], 4400),
    "a message too long": ([INIT, '{"type": "ping", "payload": {"a": "' + "x" * 17_000_000 + '"}}'], 1009),
}


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_malformed_message_closes_the_socket_with_a_reason(served: Client, name: str) -> None:
    sent, code = MESSAGES[name]
    async with connect(served.url.replace("http", "ws", 1), subprotocols=[PROTOCOL]) as socket:
        # The server closes as soon as it knows, in the middle of a long message too.
        with suppress(ConnectionClosed):
            for message in sent:
                await socket.send(message)
        await socket.wait_closed()
    assert socket.close_code == code
    assert len((socket.close_reason or "").encode()) <= 123
    assert_tells_nothing(socket.close_reason or "")


@pytest.mark.parametrize("size", [9_000, 40_000])
async def test_a_handshake_with_a_very_long_line_is_answered(served: Client, size: int) -> None:
    """And not left open without an answer."""
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            served.url.replace("http", "ws"), subprotocols=[PROTOCOL], additional_headers={"x-long": "x" * size}
        )
    assert refused.value.response.status_code == 400
    assert b"8,192" in (refused.value.response.body or b"")


# Documents that cannot be executed: the operation ends, and the socket lives on.
DOCUMENTS: dict[str, tuple[str, str]] = {
    "nothing": ("", "GRAPHQL_PARSE_FAILED"),
    "no GraphQL": ("hello", "GRAPHQL_PARSE_FAILED"),
    "half a document": ("{", "GRAPHQL_PARSE_FAILED"),
    "a half surrogate": ("{ \ud800 }", "GRAPHQL_PARSE_FAILED"),
    "an unknown field": ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown field, very long": ("{ " + "x" * 5000 + " }", "GRAPHQL_VALIDATION_FAILED"),
    "only a fragment": ("fragment F on Query { __typename }", "GRAPHQL_VALIDATION_FAILED"),
    "several operations": ("query A { __typename } query B { __typename }", "OPERATION_RESOLUTION_FAILURE"),
    "a missing variable": ("query ($id: ID!) { node(id: $id) { id } }", "BAD_USER_INPUT"),
    "too many tokens": ("{" + " a" * 3000 + "}", "GRAPHQL_PARSE_FAILED"),
    "an unknown conversation": ('subscription { replyStream(conversationId: "x") { cursor } }', "NOT_FOUND"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_bad_document_is_an_error_message_and_the_socket_lives_on(served: Client, name: str) -> None:
    document, code = DOCUMENTS[name]
    async with served.socket() as socket:
        await socket.send(subscribe("1", document))
        message = json.loads(await socket.recv())
        assert (message["type"], message["id"]) == ("error", "1")
        assert message["payload"][0]["extensions"]["code"] == code
        await socket.send(subscribe("1", "{ __typename }"))
        assert json.loads(await socket.recv())["payload"] == {"data": {"__typename": "Query"}}
        assert json.loads(await socket.recv()) == {"id": "1", "type": "complete"}
