"""Two owners: what one of them has, a server for one of them, and the rows of each as the file holds them."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Base,
    Credential,
    CredentialKind,
    Database,
    FinishReason,
    IdempotencyKey,
    Origin,
    OriginKind,
    Owned,
    TokenUsage,
    User,
    UserRole,
    UserStatus,
    new_key,
    now,
)
from services import Services
from services.access.identity import AccessKind, Identity
from services.broker.memory import MemoryBroker
from services.engines import Piece, Prompt
from services.replies.options import ReplyMode, ReplyOptions
from services.settings import Settings
from tests.support.database import store
from tests.support.makers import TestEngine, until


def caller(owner: str) -> Identity:
    return Identity(owner, AccessKind.OPEN)


OTHER_OWNER = "user_00000000000070008000000000000002"

# The reply to a message with this text never ends by itself.
ENDLESS = "Tell me everything."

OWNED_TABLES = sorted(
    str(mapper.local_table) for mapper in Base.registry.mappers if issubclass(mapper.class_, Owned)
)


class PromptEngine(TestEngine):
    """Replies at once, except to ENDLESS."""

    async def reply(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        yield Piece("Well, ")
        if ENDLESS in prompt.turns[-1].content:
            await asyncio.Event().wait()
        yield Piece("yes.", finish=FinishReason.END, usage=TokenUsage(7, 3, False), model="test-model")


@dataclass(frozen=True)
class World:
    """The ids of what an owner has. In `busy`, the reply `running` is being written; `word` is in all texts."""

    owner: str
    word: str
    character: str
    quiet: str
    busy: str
    question: str
    answer: str
    alternative: str
    running: str
    credential: str
    user: str

    @property
    def ids(self) -> list[str]:
        return [self.character, self.quiet, self.busy, self.question, self.answer, self.alternative, self.running]

    @property
    def targets(self) -> list[dict[str, str]]:
        """Ids by kind, so that each id is there once as a `node`, and the others belong to it."""
        targets = []
        for id in self.ids:
            message = id if id.startswith("msg_") else self.running if id == self.busy else self.question
            conversation = self.busy if message == self.running else self.quiet
            kinds = {"character": self.character, "conversation": conversation, "message": message, "node": id}
            kinds |= {"credential": self.credential, "user": self.user}
            targets.append(kinds)
        return targets


async def make_world(services: Services, owner: str, word: str) -> World:
    fields = {"name": f"New {word}", "description": word, "greeting": f"Hello {word}", "tags": [word]}
    character = await services.characters.create(owner, fields)
    quiet = await services.conversations.create(owner, character.id, {"title": f"New {word}"})
    sent = await services.replies.send(owner, quiet.id, f"Is it {word}?", None, ReplyOptions())
    assert sent.message is not None
    assert sent.reply is not None
    again = await services.replies.regenerate(owner, sent.reply.id, ReplyOptions())
    assert again.reply is not None
    busy = await services.conversations.create(owner, character.id, {"title": f"New and busy {word}"})
    running = await _begin_endless_reply(services, owner, busy.id, word)
    ids = (character.id, quiet.id, busy.id, sent.message.id, again.reply.id, sent.reply.id, running)
    return World(owner, word, *ids, *await _make_accounts(services, owner))


async def _make_accounts(services: Services, owner: str) -> tuple[str, str]:
    """Returns the ids of a token of the owner, and of a user whom an admin may administer."""

    async def work(session: AsyncSession) -> tuple[str, str]:
        if await session.get(User, owner) is None:
            session.add(a_user(owner))
        guest = a_user(new_key("user"))
        session.add(guest)
        await session.flush()
        token = Credential(user_id=owner, kind=CredentialKind.TOKEN, digest=new_key("x"), scopes="READ")
        token.expires_at = now() + timedelta(days=1)
        session.add(token)
        await session.flush()
        return token.id, guest.id

    return await services.access.accounts.write(work)


def a_user(id: str, **fields: Any) -> User:
    given: dict[str, Any] = {"name": id, "name_folded": id, "display_name": "User", "max_replies": 1_000_000}
    return User(id=id, **given | {"role": UserRole.USER, "status": UserStatus.ACTIVE} | fields)


async def make_full_world(services: Services, database: Database, owner: str, word: str) -> World:
    """Makes a world with a row in each owned table."""
    world = await make_world(services, owner, word)
    key = IdempotencyKey(kind="sendMessage", parent_id=world.quiet, key="key", digest="digest", result={})
    origin = Origin(key="key", kind=OriginKind.CONVERSATION, form="form", name=word, document={})
    origin.character_id, origin.conversation_id = world.character, world.quiet
    await store(database, key, origin, owner=owner)
    return world


def without_housekeeping(settings: Settings, database: Database) -> Services:
    """Returns services that leave to their caller what housekeeping does."""
    return Services.build(settings, database, MemoryBroker(), PromptEngine())


async def _begin_endless_reply(services: Services, owner: str, conversation_id: str, word: str) -> str:
    """Returns the id of a reply that has begun to be written; its text is stored."""
    options = ReplyOptions(ReplyMode.BACKGROUND)
    sent = await services.replies.send(owner, conversation_id, f"{ENDLESS} {word}", None, options)
    assert sent.reply is not None
    id = sent.reply.id

    async def has_text() -> bool:
        [seen] = await services.messages.by_ids(owner, [id])
        return seen is not None and bool(seen.message.content)

    await until(has_text)
    await services.writer.checkpoints.store()
    return id


def ids_of(database: Database, owner: str) -> set[str]:
    """Returns the ids of the owner's characters, conversations and messages."""
    prefixes = {"characters": "char", "conversations": "conv", "messages": "msg"}
    found = rows(database, owner)
    return {f"{prefix}_{row[0]}" for table, prefix in prefixes.items() for row in found[table]}


def rows(database: Database, owner: str | None = None) -> Mapping[str, list[tuple[object, ...]]]:
    """Returns the rows of every owned table, read past the models: all of them, or one owner's."""
    of_owner, values = ("", ()) if owner is None else (" WHERE owner = ?", (owner.removeprefix("user_"),))
    with closing(sqlite3.connect(str(database.url.database))) as file:
        return {
            table: sorted(file.execute(f"SELECT * FROM {table}{of_owner}", values).fetchall(), key=repr)
            for table in OWNED_TABLES
        }


def rows_of_accounts(database: Database) -> Mapping[str, list[tuple[object, ...]]]:
    tables = ("users", "credentials", "identities", "usage_days")
    with closing(sqlite3.connect(str(database.url.database))) as file:
        return {table: sorted(file.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}
