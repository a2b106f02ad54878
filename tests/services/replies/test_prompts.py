"""Reading prompts: how much of the history is read, in how many statements, and how it is counted."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest

from models import LOCAL_OWNER, Database, Generation, Message, Role, read_together
from services import Services
from services.access.accounts import Accounts
from services.access.grants import Grants
from services.access.names import UserNames
from services.engines import Prompt, PromptTurn
from services.paging import PageArguments
from services.replies import prompts
from services.replies.options import ReplyMode, ReplyOptions
from services.replies.prompts import PromptReader, ReplyDeleted
from services.settings import Settings
from tests.support.makers import TestEngine, make_character, make_conversation, make_history


def reply_at(conversation_id: str, position: int, content: str = "") -> Message:
    return Message(conversation_id=conversation_id, position=position, content=content)


def names_of(database: Database, **settings: str) -> UserNames:
    return UserNames(Accounts(database, Grants()), Settings(_env_file=None, **settings))


async def prompt_at(database: Database, engine: TestEngine, reply: Message) -> Prompt:
    return await PromptReader(database, names_of(database, user_name="Ben"), engine).read(
        LOCAL_OWNER, reply, Generation(seed=7)
    )


class Bytes:
    """A tokenizer that makes a token of each byte, and knows only that it will be one of every four at least."""

    def __init__(self) -> None:
        self.counted: list[str] = []

    def least(self, text: str) -> int:
        return len(text.encode()) // 4

    async def count(self, texts: Sequence[str]) -> Sequence[int]:
        self.counted += texts
        return [len(text.encode()) for text in texts]


@pytest.mark.sqlite
async def test_a_prompt_takes_two_statements(
    services: Services, database: Database, engine: TestEngine, statements: list[str]
) -> None:
    conversation = await make_history(services, *(f"{n} " + "word " * 100 for n in range(40)))
    statements.clear()
    prompt = await prompt_at(database, engine, reply_at(conversation.id, 40))
    assert [text.split()[0] for text in statements] == ["SELECT", "SELECT"]
    assert 2 < len(prompt.turns) < 20
    assert prompt.generation.seed == 7


@pytest.mark.sqlite
async def test_a_long_prompt_takes_one_statement_more(
    services: Services, database: Database, engine: TestEngine, statements: list[str]
) -> None:
    conversation = await make_history(services, *(f"{n} and so on" for n in range(400)))
    statements.clear()
    prompt = await prompt_at(database, engine, reply_at(conversation.id, 400))
    assert len(statements) == 3
    assert 65 < len(prompt.turns) < 150


async def test_a_history_that_changes_while_it_is_read_is_not_mixed(
    services: Services, database: Database, engine: TestEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await make_history(services, *(f"{n} and so on" for n in range(100)))
    [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], PageArguments(first=6))
    reads = 0

    async def then_branch(*asked: Any) -> Any:
        nonlocal reads
        found = await read_together(*asked)
        reads += 1
        if reads == 1:
            branch = page.nodes[5].id, "another way", ReplyOptions(ReplyMode.NONE)
            await services.replies.add_alternative(LOCAL_OWNER, *branch)
        return found

    monkeypatch.setattr(prompts, "read_together", then_branch)
    prompt = await prompt_at(database, engine, reply_at(conversation.id, 100))
    history = [f"{n} and so on" for n in range(5)]
    assert [turn.content for turn in prompt.turns[1:]] == [*history, "another way"]


async def test_a_history_that_goes_on_changing_gets_a_prompt_of_its_newest_messages(
    services: Services, database: Database, engine: TestEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await make_history(services, *(f"{n} and so on" for n in range(100)))
    [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], PageArguments(first=1))

    texts = (f"edited {number}" for number in count())

    async def then_edit(*asked: Any) -> Any:
        found = await read_together(*asked)
        await services.messages.edit(LOCAL_OWNER, page.nodes[0].id, next(texts))
        return found

    monkeypatch.setattr(prompts, "read_together", then_edit)
    prompt = await prompt_at(database, engine, reply_at(conversation.id, 100))
    assert prompt.turns[-1].content == "99 and so on"
    assert len(prompt.turns) == 1 + 20


async def test_no_more_of_a_long_history_is_counted_than_can_fit(services: Services, database: Database) -> None:
    engine, tokens = TestEngine(), Bytes()
    engine.tokens = tokens
    conversation = await make_history(services, *(f"{n:04}" + "x" * 96 for n in range(1000)))
    prompt = await prompt_at(database, engine, reply_at(conversation.id, 998))
    assert len(tokens.counted) < 2 + 2000 * 4 / 100 + 1
    assert sum(len(turn.content) + 8 for turn in prompt.turns) <= 2000
    assert prompt.turns[-1].content.startswith("0997")
    # The beginning is where the position has many trailing zero bits, whichever part of the history was read.
    assert prompt.turns[1].content.startswith("0984")
    later = await prompt_at(database, engine, reply_at(conversation.id, 999))
    assert later.turns[:-1] == prompt.turns


async def test_the_text_of_the_reply_itself_is_no_history(
    services: Services, database: Database, engine: TestEngine
) -> None:
    character = await make_character(services, post_history_instructions="Be brief.")
    conversation = await make_history(services, "Hello", "Hi, I", "Later", character=character)
    fresh = await prompt_at(database, engine, reply_at(conversation.id, 1))
    begun = await prompt_at(database, engine, reply_at(conversation.id, 1, "Hi, I"))
    assert [turn.content for turn in fresh.turns[1:]] == ["Hello", "Be brief."]
    assert begun.turns == [*fresh.turns, PromptTurn(Role.ASSISTANT, "Hi, I")]


async def test_settings_of_the_request_go_over_those_of_the_conversation_and_the_character(
    services: Services, database: Database, engine: TestEngine
) -> None:
    character = await make_character(services, generation={"seed": 1, "temperature": 1.0, "top_p": 0.5})
    conversation = await make_conversation(services, character, generation={"seed": 2, "temperature": 0.5})
    prompt = await prompt_at(database, engine, reply_at(conversation.id, 0))
    assert (prompt.generation.seed, prompt.generation.temperature, prompt.generation.top_p) == (7, 0.5, 0.5)


async def test_a_conversation_that_is_gone_has_no_prompt(database: Database, engine: TestEngine) -> None:
    with pytest.raises(ReplyDeleted):
        await prompt_at(database, engine, reply_at("conv_" + "0" * 32, 1))
