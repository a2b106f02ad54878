"""Refusals of callers who are not known, and of those who try too often."""


class Unauthenticated(Exception):
    """The caller showed no credential, or one that is not accepted. The text names no secret."""


class TooManyAttempts(Exception):
    """Too many attempts to sign in; the same one may be made after `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = max(1, round(retry_after))
        super().__init__(f"Too many attempts to sign in. Try again in {self.retry_after} seconds.")


NO_CREDENTIAL = "This server wants to know who asks, and the request has no credential."
BAD_CREDENTIAL = "The credential is not valid: it is wrong, has expired or was revoked."
BAD_PASSWORD = "The name or the password is wrong."
BAD_SETUP_CODE = "The setup code is wrong, was used, or has expired. Whoever runs this server can make a new one."
