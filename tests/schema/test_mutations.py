"""Refusals are data: a payload with userErrors, and nothing changed."""

from typing import Any

import pytest

from services import Services
from tests.support.client import Client
from tests.support.makers import TestEngine, make_character, make_conversation, make_history

ERRORS = "userErrors { __typename code message path ... on NotFoundError { missingId } }"


async def refused(client: Client, mutation: str, input_type: str, **given: Any) -> dict[str, Any]:
    document = f"mutation ($input: {input_type}!) {{ {mutation}(input: $input) {{ {ERRORS} }} }}"
    [error] = (await client.run(document, input=given))[mutation]["userErrors"]
    return error


async def test_a_wrong_value_is_named_by_its_path(client: Client, services: Services) -> None:
    conversation = await make_conversation(services)
    error = await refused(client, "createCharacter", "CreateCharacterInput", name=" ")
    assert (error["__typename"], error["code"], error["path"]) == (
        "InvalidInputError",
        "INVALID_INPUT",
        ["input", "name"],
    )
    error = await refused(client, "createCharacter", "CreateCharacterInput", name="A", generation={"maxTokens": 0})
    assert error["path"] == ["input", "generation", "maxTokens"]
    error = await refused(client, "createCharacter", "CreateCharacterInput", name="A", metadata={"my_key": "\0"})
    assert error["path"] == ["input", "metadata", "my_key"]
    history = [{"role": "user", "content": "x"}, {"content": "y"}]
    error = await refused(
        client, "updateChatHistory", "UpdateChatHistoryInput", conversationId=conversation.id, chatHistory=history
    )
    assert error["path"] == ["input", "chatHistory", "1", "role"]


async def test_an_unknown_id_is_given_back(client: Client) -> None:
    error = await refused(client, "deleteCharacter", "DeleteCharacterInput", characterId="char_no")
    assert (error["__typename"], error["missingId"]) == ("NotFoundError", "char_no")
    assert error["path"] == ["input", "characterId"]


async def test_every_mutation_refuses_an_unknown_id(client: Client) -> None:
    for mutation, argument, more in (
        ("updateCharacter", "characterId", {}),
        ("createConversation", "characterId", {}),
        ("updateConversation", "conversationId", {}),
        ("updateChatHistory", "conversationId", {"chatHistory": []}),
        ("importConversation", "characterId", {"chatHistory": []}),
        ("deleteConversation", "conversationId", {}),
        ("forkConversation", "conversationId", {}),
        ("clearHistory", "conversationId", {}),
        ("sendMessage", "conversationId", {"content": "x"}),
        ("requestReply", "conversationId", {}),
        ("regenerateReply", "messageId", {}),
        ("continueReply", "messageId", {}),
        ("stopReply", "conversationId", {}),
        ("selectAlternative", "messageId", {}),
        ("addAlternative", "messageId", {"content": "x"}),
        ("editMessage", "messageId", {"content": "x"}),
        ("deleteMessage", "messageId", {}),
    ):
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        error = await refused(client, mutation, kind, **{argument: "nothing"}, **more)
        assert (error["code"], error["path"]) == ("NOT_FOUND", ["input", argument]), mutation


async def test_a_reply_in_the_way_is_shown(client: Client, services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    send = """mutation ($id: ID!) {
        sendMessage(input: {conversationId: $id, content: "x", replyMode: BACKGROUND}) {
        reply { id } userErrors { code path ... on ReplyInProgressError { activeReply { id status } } } } }"""
    first = (await client.run(send, id=conversation.id))["sendMessage"]
    second = (await client.run(send, id=conversation.id))["sendMessage"]
    assert second["reply"] is None
    [error] = second["userErrors"]
    assert (error["code"], error["path"]) == ("REPLY_IN_PROGRESS", [])
    assert error["activeReply"]["id"] == first["reply"]["id"]
    assert error["activeReply"]["status"] in ("PENDING", "STREAMING")


async def test_a_version_that_has_passed_is_refused_with_the_present(client: Client, services: Services) -> None:
    character = await make_character(services)
    document = """mutation ($id: ID!) { updateCharacter(input: {characterId: $id, name: "B", expectedVersion: 7}) {
        character { id } userErrors { code path ... on VersionConflictError { current { id version
            ... on Character { name } } } } } }"""
    payload = (await client.run(document, id=character.id))["updateCharacter"]
    assert payload["character"] is None
    [error] = payload["userErrors"]
    assert error["current"] == {"id": character.id, "version": 1, "name": "Ada"}
    assert error["path"] == ["input", "expectedVersion"]


async def test_mutations_of_one_request_see_each_other(client: Client, services: Services) -> None:
    conversation = await make_history(services, "one", "two")
    document = """mutation ($id: ID!) {
        a: clearHistory(input: {conversationId: $id}) { clearedMessageCount conversation { messages { content } } }
        b: sendMessage(input: {conversationId: $id, content: "new", replyMode: NONE}) {
            conversation { messages { content } } } }"""
    done = await client.run(document, id=conversation.id)
    assert done["a"] == {"clearedMessageCount": 2, "conversation": {"messages": []}}
    assert done["b"]["conversation"]["messages"] == [{"content": "new"}]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{ characters(first: -1) { id } }", "BAD_USER_INPUT"),
        ("{ characters(first: 101) { id } }", "BAD_USER_INPUT"),
        ("{ charactersConnection(first: 1, last: 1) { nodes { id } } }", "BAD_USER_INPUT"),
        ('{ charactersConnection(after: "x") { nodes { id } } }', "INVALID_CURSOR"),
        ("{ nodes(ids: [" + '"x",' * 101 + "]) { id } }", "BAD_USER_INPUT"),
    ],
)
async def test_a_query_that_cannot_be_is_an_error_with_a_code(document: str, code: str, client: Client) -> None:
    error = await client.fail(document)
    assert error["extensions"]["code"] == code


async def test_a_lookup_that_finds_nothing_is_null(client: Client) -> None:
    document = """{ a: node(id: "x") { id } b: character(id: "char_") { id } c: conversation(id: "\\u0000") { id }
        d: message(id: "msg_1") { id } e: nodes(ids: ["x", "conv_"]) { id } }"""
    assert await client.run(document) == {"a": None, "b": None, "c": None, "d": None, "e": [None, None]}


async def test_a_subscription_to_nothing_is_an_error_and_no_event(client: Client, services: Services) -> None:
    conversation = await make_conversation(services)
    watch = (
        "subscription ($id: ID!, $after: String) { replyStream(conversationId: $id, after: $after) { cursor } }"
    )
    for variables, code in (
        ({"id": "conv_1"}, "NOT_FOUND"),
        ({"id": conversation.id, "after": "no"}, "INVALID_CURSOR"),
    ):
        [answer] = [answer async for answer in client.watch_socket(watch, **variables)]
        assert answer["errors"][0]["extensions"]["code"] == code
