"""Reads what a prompt is made of: the character, the conversation, and as much of the newest history as fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, bindparam, select

from models import Character, Conversation, Database, Generation, Message, Prepared, read_together
from services.access.names import UserNames
from services.engines import Engine, Prompt
from services.prompting import planning
from services.prompting.macros import Names
from services.prompting.values import Said, Scene

# Messages read first. A further page has as many as should fill the room, but at most eight times as many.
_FIRST_PAGE, _MAX_GROWTH = 20, 8
# How often a history is read that changes meanwhile.
_TRIES = 3

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
# One row at least, for the version of the history that the page is of.
_PAGE = Prepared(
    select(Conversation.history_version, Message.position, Message.role, Message.content)
    .outerjoin(
        Message,
        and_(
            Message.conversation_id == Conversation.id,
            Message.active,
            ~Message.hidden,
            Message.position >= bindparam("first"),
            Message.position < bindparam("end"),
            Message.content != "",
        ),
    )
    .where(Conversation.id == bindparam("conversation"))
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
        said, tries = None, _TRIES
        while said is None:
            tries -= 1
            found, first_page = await self._beginning(owner, reply)
            scene = _scene(found, user_name)
            said = await self._newest(owner, reply, first_page, self._room(scene), is_last_try=not tries)
        # The tokenizer may be another process, so it is asked once, for all texts.
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

    async def _beginning(self, owner: str, reply: Message) -> tuple[Row[Any], Sequence[Row[Any]]]:
        """Returns the row of the scene, and the first page of messages, in one state."""
        known = {"conversation": reply.conversation_id}
        page = {"first": max(reply.position - _FIRST_PAGE, 0), "end": reply.position, **known}
        found, messages = await read_together(self.database, owner, (_SCENE, known), (_PAGE, page))
        if not found:
            raise ReplyDeleted
        return found[0], messages

    async def _newest(
        self, owner: str, reply: Message, page: Sequence[Row[Any]], room: int, is_last_try: bool
    ) -> Sequence[Said] | None:
        """Returns the messages before the reply, oldest first: as many as may fit, and one more.

        `page` are the newest. When the history changes while more of them are read, returns None, and in the last
        try what was read before.
        """
        found: list[Said] = []
        start, size, left = max(reply.position - _FIRST_PAGE, 0), _FIRST_PAGE, room
        while True:
            for row in page:
                if row.position is not None:
                    found.append(Said(row.position, row.role, row.content))
                    left -= self._least(row.content)
                if left < 0:
                    return found[::-1]
            if start == 0:
                return found[::-1]
            wanted = left * (reply.position - start) // max(1, room - left) + 1
            size = min(max(wanted, _FIRST_PAGE), _MAX_GROWTH * size)
            start, end = max(start - size, 0), start
            asked = {"conversation": reply.conversation_id, "first": start, "end": end}
            version, [page] = page[0].history_version, await read_together(self.database, owner, (_PAGE, asked))
            if not page or page[0].history_version != version:
                return found[::-1] if is_last_try else None


def _scene(found: Row[*tuple[Any, ...]], user_name: str) -> Scene:
    texts = {column.key: getattr(found, column.key) for column in _TEXTS}
    return Scene(Names(found.name, user_name), **texts)
