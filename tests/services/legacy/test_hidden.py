"""Hidden messages: part of the history, never of a prompt."""

from models import LOCAL_OWNER
from services import Services
from services.replies.options import ReplyOptions
from tests.support.makers import TestEngine, make_character

HISTORY = [
    {"role": "user", "content": "Seen"},
    {"role": "assistant", "content": "A summary", "is_hidden": True},
    {"role": "assistant", "content": "Also seen"},
]


async def test_a_hidden_message_stays_out_of_prompts(services: Services, engine: TestEngine) -> None:
    character = await make_character(services)
    conversation = await services.chat_histories.import_history(LOCAL_OWNER, character.id, HISTORY)
    engine.answer("Yes.")
    await services.replies.send(LOCAL_OWNER, conversation.id, "Now", None, ReplyOptions())
    [prompt] = engine.prompts
    assert [turn.content for turn in prompt.turns[1:]] == ["Seen", "Also seen", "Now"]


async def test_a_hidden_message_stays_in_the_history_and_hidden_in_a_fork(
    services: Services, engine: TestEngine
) -> None:
    character = await make_character(services)
    conversation = await services.chat_histories.import_history(LOCAL_OWNER, character.id, HISTORY)
    fork = await services.conversations.fork(LOCAL_OWNER, conversation.id)
    assert await services.chat_histories.of_conversations(LOCAL_OWNER, [conversation.id, fork.id]) == [
        HISTORY,
        HISTORY,
    ]
    engine.answer("Yes.")
    await services.replies.send(LOCAL_OWNER, fork.id, "Now", None, ReplyOptions())
    assert "A summary" not in [turn.content for turn in engine.prompts[0].turns]
