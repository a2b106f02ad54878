"""Refusals of callers who are not known."""


class Unauthenticated(Exception):
    """The caller showed no credential, or one that is not accepted. The text names no secret."""


NO_CREDENTIAL = "This server wants to know who asks, and the request has no credential."
BAD_CREDENTIAL = "The credential is not valid: it is wrong, has expired or was revoked."
