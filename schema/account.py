"""GraphQL types of accounts: Viewer, User, Quota, Credential, UsageDay, AuditEvent."""

from datetime import datetime

import strawberry

import models
from resolvers import accounts
from schema.binding import field, represents
from schema.nodes import Node
from schema.prices import priced
from services.access.credentials import MAX_LISTED
from services.access.identity import AccessKind, Identity, ListedKind, TokenScope


@strawberry.type(description="How much a user may use, and has used today.")
@represents(accounts.Quota)
class Quota:
    max_replies: int = strawberry.field(description="How many replies may be written for the user at once.")
    tokens_a_day: int | None = strawberry.field(
        description="How many tokens the replies of a day may take; null when there is no limit."
    )
    tokens_today: int = strawberry.field(description="How many tokens the replies of today have taken.")
    resets_at: datetime = strawberry.field(description="When the next day begins, in UTC.")


@strawberry.type(description="Somebody who may use this server, and the owner of characters and conversations.")
@represents(models.User)
class User(Node):
    name: str = strawberry.field(description="The name by which the user signs in; unique, ignoring case.")
    display_name: str = field(accounts.display_name, "The name that characters use for the user.")
    role: models.UserRole = strawberry.field(description="Whether the user is an admin.")
    status: models.UserStatus = strawberry.field(description="Whether the user may sign in.")
    quota: Quota = field(accounts.quota, "How much the user may use, and has used today.")
    created_at: datetime = strawberry.field(description="When the user was created.")


@strawberry.type(
    description="A session or a personal token of the viewer. Its secret was given once, and cannot be read again."
)
@represents(models.Credential)
class Credential(Node):
    kind: ListedKind = field(accounts.kind, "Whether the credential is a session or a token.")
    name: str = strawberry.field(description="The name of the token; empty for a session.")
    hint: str = strawberry.field(description="The last characters of the secret, to tell it from others.")
    scopes: list[TokenScope] = priced(
        field(accounts.scopes, "What the token may do; empty for a session, which may do everything."), length=2
    )
    created_at: datetime = strawberry.field(description="When the credential was created.")
    last_used_at: datetime | None = strawberry.field(
        description="When the credential was last used, to the hour; null when it never was."
    )
    expires_at: datetime | None = strawberry.field(
        description="When the credential expires; using a session puts that off."
    )
    is_current: bool = field(accounts.is_current, "Whether this request was made with the credential.")


@strawberry.type(description="What the replies of a day took, for one user.")
@represents(models.UsageDay)
class UsageDay:
    day: str = field(accounts.day, "The day in UTC, for example 2026-11-28.")
    replies: int = strawberry.field(description="How many replies ended on the day.")
    prompt_tokens: int = strawberry.field(description="How many tokens of prompts the engine read.")
    completion_tokens: int = strawberry.field(description="How many tokens of replies the engine wrote.")


@strawberry.type(description="Who makes the request.")
@represents(Identity)
class Viewer:
    user: User = field(
        accounts.user_of_viewer, "The user that makes the request; without accounts, the one local user."
    )
    access: AccessKind = field(accounts.access_of_viewer, "By what the server knows who makes the request.")
    credentials: list[Credential] = priced(
        field(accounts.credentials_of_viewer, "The valid credentials of the user (at most 200), newest first."),
        length=MAX_LISTED,
    )
    usage: list[UsageDay] = priced(
        field(
            accounts.usage_of_viewer,
            "What replies took on each of the last days that had any, the latest first.",
            days="Returns the days among the last so many (1–366).",
        ),
        length=366,
    )


@strawberry.type(description="Something that was done to an account or a credential. It is kept for 90 days.")
@represents(models.AuditEvent)
class AuditEvent(Node):
    at: datetime = strawberry.field(description="When it was done.")
    action: str = strawberry.field(description="What was done, for example signIn, createToken, deleteUser.")
    outcome: str = strawberry.field(description="Whether it was done or refused.")
    network: str = strawberry.field(description="The network that it was done from; empty when it is not known.")
    actor: User | None = field(
        accounts.actor, "Who did it; null for a sign-in, from the console, and for a user who is gone."
    )
    subject: User | None = field(accounts.subject, "Whose account it was done to; null for a user who is gone.")
