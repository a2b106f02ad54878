"""Mutations of accounts, which Mutation takes over."""

import strawberry

from resolvers import accounts
from schema import account_inputs as inputs
from schema import account_payloads as payloads
from schema.binding import mutation

_RECENT = "It needs a sign-in within the last 10 minutes, and no personal token can do it."
_ADMIN = "Only an admin may do it."


@strawberry.type
class AccountMutations:
    create_token: payloads.CreateTokenPayload | None = mutation(
        accounts.create_token,
        input_type=inputs.CreateTokenInput,
        payload_type=payloads.CreateTokenPayload,
        description=f"Creates a personal token, by which programs use this API for the viewer. {_RECENT}",
    )
    revoke_credential: payloads.RevokeCredentialPayload | None = mutation(
        accounts.revoke_credential,
        input_type=inputs.RevokeCredentialInput,
        payload_type=payloads.RevokeCredentialPayload,
        description="Revokes a session or a personal token of the viewer, and ends what is open by it.",
    )
    revoke_other_credentials: payloads.RevokeOtherCredentialsPayload | None = mutation(
        accounts.revoke_other_credentials,
        input_type=inputs.RevokeOtherCredentialsInput,
        payload_type=payloads.RevokeOtherCredentialsPayload,
        description="Revokes every credential of the viewer but the one of this request.",
    )
    update_viewer: payloads.UpdateViewerPayload | None = mutation(
        accounts.update_viewer,
        input_type=inputs.UpdateViewerInput,
        payload_type=payloads.UpdateViewerPayload,
        payload_field="user",
        description="Changes the user that makes the request.",
    )
    delete_account: payloads.DeleteAccountPayload | None = mutation(
        accounts.delete_account,
        input_type=inputs.DeleteAccountInput,
        payload_type=payloads.DeleteAccountPayload,
        description=f"Deletes the user that makes the request, with all characters and conversations. {_RECENT}",
    )
    create_user: payloads.CreateUserPayload | None = mutation(
        accounts.create_user,
        input_type=inputs.CreateUserInput,
        payload_type=payloads.CreateUserPayload,
        description=f"Creates a user. {_ADMIN}",
    )
    reset_password: payloads.ResetPasswordPayload | None = mutation(
        accounts.reset_password,
        input_type=inputs.ResetPasswordInput,
        payload_type=payloads.ResetPasswordPayload,
        description=f"Takes the password and all credentials of a user away. {_ADMIN}",
    )
    update_user: payloads.UpdateUserPayload | None = mutation(
        accounts.update_user,
        input_type=inputs.UpdateUserInput,
        payload_type=payloads.UpdateUserPayload,
        payload_field="user",
        description=f"Changes the role, the status or the quota of a user. {_ADMIN}",
    )
    delete_user: payloads.DeleteUserPayload | None = mutation(
        accounts.delete_user,
        input_type=inputs.DeleteUserInput,
        payload_type=payloads.DeleteUserPayload,
        description=f"Deletes a user with all characters and conversations. {_ADMIN}",
    )
