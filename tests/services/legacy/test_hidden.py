"""Hidden messages: part of the history, never of a prompt."""

from services import LOCAL_OWNER, Services
from services.exchanges import ReplyWish
from tests.makers import TestEngine, make_character

HISTORY = [
    {"role": "user", "content": "Seen"},
    {"role": "assistant", "content": "A summary", "is_hidden": True},
    {"role": "assistant", "content": "Also seen"},
]


async def test_a_hidden_message_stays_out_of_prompts(services: Services, engine: TestEngine) -> None:
    character = await make_character(services)
    conversation = await services.histories.start_from(LOCAL_OWNER, character.id, HISTORY)
    engine.answer("Yes.")
    await services.replies.send(LOCAL_OWNER, conversation.id, "Now", None, ReplyWish())
    [prompt] = engine.prompts
    assert [turn.content for turn in prompt.turns[1:]] == ["Seen", "Also seen", "Now"]


async def test_a_hidden_message_stays_in_the_history_and_hidden_in_a_fork(
    services: Services, engine: TestEngine
) -> None:
    character = await make_character(services)
    conversation = await services.histories.start_from(LOCAL_OWNER, character.id, HISTORY)
    fork = await services.histories.fork(LOCAL_OWNER, conversation.id)
    assert await services.histories.chat_histories([conversation.id, fork.id]) == [HISTORY, HISTORY]
    engine.answer("Yes.")
    await services.replies.send(LOCAL_OWNER, fork.id, "Now", None, ReplyWish())
    assert "A summary" not in [turn.content for turn in engine.prompts[0].turns]
