"""Finding anything by its id."""

import asyncio
from collections.abc import Sequence

import strawberry

from models import Character, Conversation, Credential, Message, User
from resolvers.accounts import credential_by_id, user_by_id
from resolvers.context import Info
from resolvers.messages import by_id
from resolvers.reads import reads
from services.engines import Model
from services.errors import InvalidInput
from services.paging import MAX_PAGE_SIZE
from services.reads import relations
from services.server import ServerInfo

Node = Character | Conversation | Message | User | Credential


@reads(relations.NODE)
async def node(info: Info, id: strawberry.ID) -> Node | None:
    loaders = info.context.loaders
    match id.partition("_")[0]:
        case "char":
            return await loaders.characters.load(id)
        case "conv":
            return await loaders.conversations.load(id)
        case "msg":
            return await by_id(info, id)
        case "user":
            return await user_by_id(info, id)
        case "cred":
            return await credential_by_id(info, id)
    return None


async def nodes(info: Info, ids: list[strawberry.ID]) -> Sequence[Node | None]:
    if len(ids) > MAX_PAGE_SIZE:
        raise InvalidInput(f"Too many ids: {len(ids)}; the limit is {MAX_PAGE_SIZE}.", "ids")
    return await asyncio.gather(*(node(info, id) for id in ids))


async def models(info: Info) -> Sequence[Model]:
    return await info.context.services.models.all()


def server_info(info: Info) -> ServerInfo:
    return ServerInfo.of(info.context.services.engine, info.context.services.settings)
