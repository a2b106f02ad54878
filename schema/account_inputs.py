"""GraphQL inputs of mutations of accounts."""

import strawberry

from models import UserRole, UserStatus
from services.access.identity import ListedKind, TokenScope

_NEW_NAME = "The name of the user (1–200 characters), which nobody else has."
_USER = "The id of the user."
_MAX_REPLIES = "How many replies may be written for the user at once; null for the default, 2."
_TOKENS_A_DAY = "How many tokens the replies of a day may take; null for no limit."


@strawberry.input(description="The personal token that createToken creates.")
class CreateTokenInput:
    name: str = strawberry.field(description="What the token is for (1–200 characters).")
    scopes: list[TokenScope] = strawberry.field(description="What the token may do.")
    expires_in_days: int = strawberry.field(
        default=90, description="After how many days the token expires (1–366)."
    )


@strawberry.input(description="The credential that revokeCredential revokes.")
class RevokeCredentialInput:
    credential_id: strawberry.ID = strawberry.field(description="The id of the credential.")


@strawberry.input(description="Which credentials revokeOtherCredentials revokes.")
class RevokeOtherCredentialsInput:
    kind: ListedKind | None = strawberry.field(
        default=None, description="Revokes only sessions, or only tokens; null for both."
    )


@strawberry.input(description="The user that deleteAccount deletes: the one that makes the request.")
class DeleteAccountInput:
    name: str = strawberry.field(description="The name of the user, so that nobody deletes an account by mistake.")


@strawberry.input(description="What updateViewer changes of the user that makes the request.")
class UpdateViewerInput:
    display_name: str = strawberry.field(
        description="The name that characters use for the user (1–200 characters)."
    )


@strawberry.input(description="The user that createUser creates.")
class CreateUserInput:
    name: str = strawberry.field(description=_NEW_NAME)
    role: UserRole = strawberry.field(default=UserRole.USER, description="Whether the user is an admin.")


@strawberry.input(description="The user whose password resetPassword takes away.")
class ResetPasswordInput:
    user_id: strawberry.ID = strawberry.field(description=_USER)


@strawberry.input(description="What updateUser changes of a user. Fields that are left out stay as they are.")
class UpdateUserInput:
    user_id: strawberry.ID = strawberry.field(description=_USER)
    role: UserRole | None = strawberry.field(
        default=strawberry.UNSET, description="Whether the user is an admin; null changes nothing."
    )
    status: UserStatus | None = strawberry.field(
        default=strawberry.UNSET,
        description="DISABLED signs the user out everywhere and lets nobody sign in; null changes nothing.",
    )
    max_replies: int | None = strawberry.field(default=strawberry.UNSET, description=_MAX_REPLIES)
    tokens_a_day: int | None = strawberry.field(default=strawberry.UNSET, description=_TOKENS_A_DAY)


@strawberry.input(description="The user that deleteUser deletes.")
class DeleteUserInput:
    user_id: strawberry.ID = strawberry.field(description=_USER)
