"""How the contract is spoken: HTTP, server-sent events and WebSocket."""

from schema.endpoint.view import GraphQLEndpoint

__all__ = ["GraphQLEndpoint"]
