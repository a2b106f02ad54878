"""Fields and changes of accounts: who asks, users, credentials, audit events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import strawberry

from models import AuditEvent, Credential, UsageDay, User, UserRole
from resolvers.connections import Connection
from resolvers.context import Info
from services.access.accounts import Act, local_user
from services.access.identity import AccessKind, Identity, ListedKind, TokenScope
from services.errors import InvalidInput
from services.paging import page_arguments
from services.replies.quotas import MAX_REPLIES
from services.usage import MAX_DAYS, end_of_day


@dataclass(frozen=True)
class Quota:
    max_replies: int
    tokens_a_day: int | None
    tokens_today: int
    resets_at: datetime


async def viewer(info: Info) -> Identity:
    return info.context.caller


async def user_of_viewer(caller: strawberry.Parent[Identity], info: Info) -> User:
    return await info.context.loaders.users.load(caller.owner) or local_user()


async def access_of_viewer(caller: strawberry.Parent[Identity]) -> AccessKind:
    return caller.kind


async def credentials_of_viewer(caller: strawberry.Parent[Identity], info: Info) -> Sequence[Credential]:
    return await info.context.services.access.credentials.all_of(caller.owner)


async def usage_of_viewer(caller: strawberry.Parent[Identity], info: Info, days: int = 30) -> Sequence[UsageDay]:
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput(f"days must be between 1 and {MAX_DAYS}; got {days}.", "days")
    return await info.context.services.usage.days(caller.owner, days)


async def day(usage: strawberry.Parent[UsageDay]) -> str:
    return usage.day.isoformat()


async def display_name(user: strawberry.Parent[User], info: Info) -> str:
    return user.display_name or info.context.services.settings.user_name


async def quota(user: strawberry.Parent[User], info: Info) -> Quota:
    today = await info.context.loaders.tokens_today.load(user.id)
    limit = MAX_REPLIES if user.max_replies is None else user.max_replies
    return Quota(limit, user.tokens_a_day, today, end_of_day())


async def kind(credential: strawberry.Parent[Credential]) -> ListedKind:
    return ListedKind(credential.kind.value)


async def scopes(credential: strawberry.Parent[Credential]) -> list[TokenScope]:
    return [TokenScope(one) for one in credential.scopes.split()]


async def is_current(credential: strawberry.Parent[Credential], info: Info) -> bool:
    return credential.id == info.context.caller.credential_id


async def user_by_id(info: Info, id: str) -> User | None:
    """Finds the caller alone."""
    return await user_of_viewer(info.context.caller, info) if id == info.context.owner else None


async def credential_by_id(info: Info, id: str) -> Credential | None:
    [found] = await info.context.services.access.credentials.by_ids(info.context.owner, [id])
    return found


async def users(info: Info, first: int = 20, search: str | None = None) -> Sequence[User]:
    service = info.context.services.access.users
    return (await service.page(_act(info), search, page_arguments(first))).nodes


async def users_connection(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    search: str | None = None,
) -> Connection:
    service, act = info.context.services.access.users, _act(info)
    page = await service.page(act, search, page_arguments(first, after, last, before))
    return Connection(page, lambda: service.count(act, search))


async def audit_events_connection(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Connection:
    service, caller = info.context.services.access.audits, info.context.caller
    page = await service.page(caller, page_arguments(first, after, last, before))
    return Connection(page, lambda: service.count(caller))


async def actor(event: strawberry.Parent[AuditEvent], info: Info) -> User | None:
    return await info.context.loaders.users.load(event.actor) if event.actor else None


async def subject(event: strawberry.Parent[AuditEvent], info: Info) -> User | None:
    return await info.context.loaders.users.load(event.subject) if event.subject else None


async def create_token(
    info: Info, name: str, scopes: list[TokenScope], expires_in_days: int = 90
) -> dict[str, Any]:
    service = info.context.services.access.credentials
    issued = await service.create_token(info.context.caller, name, scopes, expires_in_days, _act(info))
    return {"credential": issued.credential, "token": issued.secret}


async def revoke_credential(info: Info, credential_id: strawberry.ID) -> dict[str, Any]:
    service = info.context.services.access.credentials
    revoked = await service.revoke(info.context.caller, credential_id, _act(info))
    return {"revoked_credential_id": revoked}


async def revoke_other_credentials(info: Info, kind: ListedKind | None = None) -> dict[str, Any]:
    service = info.context.services.access.credentials
    return {"revoked_credential_count": await service.revoke_others(info.context.caller, kind, _act(info))}


async def update_viewer(info: Info, display_name: str) -> User:
    return await info.context.services.access.users.update_own(info.context.caller, display_name)


async def delete_account(info: Info, name: str) -> dict[str, Any]:
    service = info.context.services.leaving
    return {"deleted_user_id": await service.delete_own(info.context.caller, name, _act(info))}


async def create_user(info: Info, name: str, role: UserRole = UserRole.USER) -> dict[str, Any]:
    user, issued = await info.context.services.access.users.create(name, role, _act(info))
    return {"user": user, "setup_code": issued.secret}


async def reset_password(info: Info, user_id: strawberry.ID) -> dict[str, Any]:
    user, issued = await info.context.services.access.users.reset_password(user_id, _act(info))
    return {"user": user, "setup_code": issued.secret}


async def update_user(info: Info, user_id: strawberry.ID, fields: dict[str, Any]) -> User:
    return await info.context.services.access.users.update(user_id, fields, _act(info))


async def delete_user(info: Info, user_id: strawberry.ID) -> dict[str, Any]:
    service = info.context.services.leaving
    return {"deleted_user_id": await service.delete_user(info.context.caller, user_id, _act(info))}


def _act(info: Info) -> Act:
    return Act(info.context.caller)
