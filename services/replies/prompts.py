"""Reads what a prompt is made of: the character, the conversation, and as much of the newest history as fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Database, Generation, Message, Prepared
from services.access.names import UserNames
from services.engines import Engine, Prompt
from services.prompting import planning
from services.prompting.macros import Names
from services.prompting.values import Said, Scene

# Messages read first. A further page has as many as should fill the room, but at most eight times as many.
_FIRST_PAGE, _MAX_GROWTH = 20, 8

_TEXTS = (
    Character.system_prompt,
    Character.description,
    Character.personality,
    Character.scenario,
    Character.example_dialogue,
    Character.post_history_instructions,
    Conversation.topic,
    Conversation.context,
)
_SCENE = Prepared(
    select(
        Character.name,
        Character.generation.label("of_character"),
        Conversation.generation.label("of_conversation"),
        *_TEXTS,
    )
    .join(Character, Character.id == Conversation.character_id)
    .where(Conversation.id == bindparam("conversation"))
)
_PAGE = Prepared(
    select(Message.position, Message.role, Message.content)
    .where(Message.conversation_id == bindparam("conversation"), Message.active, ~Message.hidden)
    .where(Message.position >= bindparam("first"), Message.position < bindparam("end"), Message.content != "")
    .order_by(Message.position.desc())
)


class ReplyDeleted(Exception):
    """The reply, its conversation or its character was deleted before the engine was asked."""


@dataclass(frozen=True)
class PromptReader:
    database: Database
    names: UserNames
    engine: Engine

    async def read(self, owner: str, reply: Message, settings: Generation) -> Prompt:
        """A reply that has text already is to be continued. Raises EngineError and ReplyDeleted."""
        user_name = await self.names.of(owner)
        async with self.database.snapshot(owner) as session:
            found = (await _SCENE.rows(session, conversation=reply.conversation_id)).one_or_none()
            if found is None:
                raise ReplyDeleted
            scene = _scene(found, user_name)
            said = await self._newest(session, reply, self._room(scene))
        # The tokenizer may be another process, so it is asked when the session is closed.
        texts = planning.texts(scene, said, reply.content)
        counts = dict(zip(texts, await self.engine.tokens.count(texts), strict=True))
        plan = planning.plan(scene, said, self.engine.prompt_limit, counts.__getitem__, reply.content)
        return plan.prompt(settings.over(found.of_conversation).over(found.of_character))

    def _room(self, scene: Scene) -> int:
        """Returns at least the tokens that are left for the history."""
        turns = [*planning.opening(scene), *planning.closing(scene)]
        return self.engine.prompt_limit - sum(self._least(turn.content) for turn in turns)

    def _least(self, text: str) -> int:
        return self.engine.tokens.least(text) + planning.TURN_TOKENS

    async def _newest(self, session: AsyncSession, reply: Message, room: int) -> Sequence[Said]:
        """Returns the messages before the reply, oldest first: as many as may fit, and one more."""
        found: list[Said] = []
        end, size, whole_room = reply.position, _FIRST_PAGE, room
        while end > 0:
            start = max(end - size, 0)
            for row in await _PAGE.rows(session, conversation=reply.conversation_id, first=start, end=end):
                found.append(Said(row.position, row.role, row.content))
                room -= self._least(row.content)
                if room < 0:
                    return found[::-1]
            wanted = room * (reply.position - start) // max(1, whole_room - room) + 1
            end, size = start, min(max(wanted, _FIRST_PAGE), _MAX_GROWTH * size)
        return found[::-1]


def _scene(found: Row[*tuple[Any, ...]], user_name: str) -> Scene:
    texts = {column.key: getattr(found, column.key) for column in _TEXTS}
    return Scene(Names(found.name, user_name), **texts)
