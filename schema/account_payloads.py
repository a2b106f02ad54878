"""GraphQL payloads of mutations of accounts."""

import strawberry

from schema.account import Credential, User
from schema.payloads import Payload

_SETUP_CODE = (
    "The code by which the user sets a password, within 7 days. It is given once; null on error. Give it to the "
    "user in person, or by a way that you trust."
)


@strawberry.type(description="The result of createToken.")
class CreateTokenPayload(Payload):
    credential: Credential | None = strawberry.field(default=None, description="The new token; null on error.")
    token: str | None = strawberry.field(
        default=None, description="The secret of the token, which is given once; null on error."
    )


@strawberry.type(description="The result of revokeCredential.")
class RevokeCredentialPayload(Payload):
    revoked_credential_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the revoked credential; null on error."
    )


@strawberry.type(description="The result of revokeOtherCredentials.")
class RevokeOtherCredentialsPayload(Payload):
    revoked_credential_count: int = strawberry.field(default=0, description="How many were revoked.")


@strawberry.type(description="The result of updateViewer.")
class UpdateViewerPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user after the mutation; null on error.")


@strawberry.type(description="The result of deleteAccount.")
class DeleteAccountPayload(Payload):
    deleted_user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted user; null on error."
    )


@strawberry.type(description="The result of createUser.")
class CreateUserPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The new user; null on error.")
    setup_code: str | None = strawberry.field(default=None, description=_SETUP_CODE)


@strawberry.type(description="The result of resetPassword.")
class ResetPasswordPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user; null on error.")
    setup_code: str | None = strawberry.field(default=None, description=_SETUP_CODE)


@strawberry.type(description="The result of updateUser.")
class UpdateUserPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user after the mutation; null on error.")


@strawberry.type(description="The result of deleteUser.")
class DeleteUserPayload(Payload):
    deleted_user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted user; null on error."
    )
