"""GraphQL endpoint over HTTP, server-sent events, multipart HTTP and WebSocket."""

from schema.endpoint.http.view import GraphQLEndpoint

__all__ = ["GraphQLEndpoint"]
