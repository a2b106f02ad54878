"""Over real connections: streams cut anywhere, many senders at once, and tabs that see each other."""

import asyncio
from collections import Counter
from typing import Any

from models import LOCAL_OWNER, FinishReason
from services import Services
from services.paging import PageArguments
from tests.support.client import Client
from tests.support.makers import TestEngine, make_conversation, make_history
from tests.test_app import HISTORY, SEND, WATCH, collect, fold

CHANGED = """subscription ($id: ID!) { conversationChanged(conversationId: $id) {
    deletedConversationId conversation { version historyVersion title chatHistory } } }"""

STATE = "query ($id: ID!) { conversation(id: $id) { version historyVersion title chatHistory } }"
WHOLE = PageArguments(first=100)


async def test_a_socket_cut_after_every_event_is_resumed_over_sse(
    client: Client, services: Services, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    words = ["Bir ", "gün ", "😀 ", "a 𝄞 ", "b\n", "c ", "d ", "son."]
    sent = (await client.run(SEND, id=conversation.id, content="Go", mode="BACKGROUND"))["sendMessage"]
    # Watcher n leaves after n events; all read in step with the engine, so that each word is an event.
    streams = [client.watch_socket(WATCH, id=conversation.id, after=sent["streamCursor"]) for _ in range(10)]
    seen: list[list[dict[str, Any]]] = [[] for _ in streams]
    for step, said in enumerate([None, *words]):
        if said is not None:
            engine.say(said)
        for number in range(step + 1, 10):
            seen[number].append((await anext(streams[number]))["data"]["replyStream"])
            if len(seen[number]) == number:
                await streams[number].aclose()
    engine.say(FinishReason.END)
    for cut, events in enumerate(seen):
        after = events[cut - 1]["cursor"] if cut else sent["streamCursor"]
        rest = await collect(client.watch(WATCH, id=conversation.id, after=after))
        assert fold(events[:cut] + rest) == "".join(words), cut
    [history] = await services.chat_histories.of_conversations(LOCAL_OWNER, [conversation.id])
    assert history[-1]["content"] == "".join(words)


async def test_of_fifty_requests_at_once_one_wins(client: Client, services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    sends = [client.run(SEND, id=conversation.id, content=f"number {n}", mode="BACKGROUND") for n in range(50)]
    answers = [one["sendMessage"] for one in await asyncio.gather(*sends)]
    codes = Counter(one["userErrors"][0]["code"] if one["userErrors"] else "won" for one in answers)
    assert codes == {"won": 1, "REPLY_IN_PROGRESS": 49}
    engine.answer("Only one.")
    await collect(client.watch(WATCH, id=conversation.id, after=winner(answers)["streamCursor"]))
    path = (await client.run(HISTORY, id=conversation.id))["conversation"]["chatHistory"]
    assert [item["content"] for item in path] == [winner(answers)["message"]["content"], "Only one."]


def winner(answers: list[dict[str, Any]]) -> dict[str, Any]:
    [won] = [one for one in answers if not one["userErrors"]]
    return won


async def test_fifty_requests_with_one_key_are_one(client: Client, services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    document = """mutation ($id: ID!) {
        sendMessage(input: {conversationId: $id, content: "Once", idempotencyKey: "k"}) {
            message { id } reply { id content } userErrors { code } } }"""
    sends = asyncio.gather(*(client.run(document, id=conversation.id) for _ in range(50)))
    engine.answer("Heard.")
    answers = [one["sendMessage"] for one in await sends]
    assert all(one == answers[0] for one in answers)
    assert answers[0]["reply"]["content"] == "Heard."
    assert len(engine.prompts) == 1


async def test_whatever_one_client_does_the_other_sees(
    client: Client, services: Services, engine: TestEngine
) -> None:
    conversation = await make_history(services, "Hello", "Hi.", "More", "Yes.")
    id = conversation.id
    changes = client.watch_socket(CHANGED, id=id)
    seen = (await anext(changes))["data"]["conversationChanged"]["conversation"]
    [page] = await services.messages.path_pages(LOCAL_OWNER, [id], WHOLE)
    user, reply = page.nodes[2].id, page.nodes[3].id
    for operation, arguments, answer in (
        ("updateConversation", f'conversationId: "{id}", title: "Tea"', None),
        ("sendMessage", f'conversationId: "{id}", content: "a"', "1"),
        ("requestReply", f'conversationId: "{id}"', "2"),
        ("regenerateReply", f'messageId: "{reply}"', "3"),
        ("selectAlternative", f'messageId: "{reply}"', None),
        ("addAlternative", f'messageId: "{user}", content: "b"', "4"),
        ("editMessage", f'messageId: "{user}", content: "c"', None),
        ("deleteMessage", f'messageId: "{user}"', None),
        ("updateChatHistory", f'conversationId: "{id}", chatHistory: [{{role: "user", content: "d"}}]', None),
        ("clearHistory", f'conversationId: "{id}"', None),
    ):
        if answer:
            engine.answer(answer)
        document = f"mutation {{ {operation}(input: {{{arguments}}}) {{ userErrors {{ message }} }} }}"
        done = await client.run(document)
        assert done[operation]["userErrors"] == [], operation
        now = (await client.run(STATE, id=id))["conversation"]
        assert now != seen, operation
        while seen != now:
            seen = (await anext(changes))["data"]["conversationChanged"]["conversation"]
    await client.run(f'mutation {{ deleteConversation(input: {{conversationId: "{id}"}}) {{ __typename }} }}')
    last = [one["data"]["conversationChanged"] async for one in changes]
    assert last == [{"deletedConversationId": id, "conversation": None}]
