"""Content negotiation, and the statuses of responses."""

from itertools import product

import pytest

from schema.endpoint.http.answers import status_for
from schema.endpoint.http.media import ANSWERS, MediaType, ranked

CODES = {
    None: 400,
    "GRAPHQL_PARSE_FAILED": 400,
    "GRAPHQL_VALIDATION_FAILED": 400,
    "BAD_USER_INPUT": 400,
    "TOO_COSTLY": 400,
    "PERSISTED_QUERY_NOT_FOUND": 400,
    "PERSISTED_DOCUMENT_NOT_FOUND": 404,
    "DOCUMENT_NOT_TRUSTED": 403,
    "INTERNAL_SERVER_ERROR": 500,
}


@pytest.mark.parametrize("code, refused", CODES.items())
def test_a_refused_request_has_a_status_where_clients_understand_it(code: str | None, refused: int) -> None:
    assert status_for(MediaType.GRAPHQL, False, code) == refused
    assert status_for(MediaType.JSON, False, code) == (500 if refused == 500 else 200)


@pytest.mark.parametrize("media, code", list(product(MediaType, CODES)))
def test_what_was_executed_is_200(media: MediaType, code: str | None) -> None:
    assert status_for(media, True, code) == 200


J, G, E, P, H = MediaType.JSON, MediaType.GRAPHQL, MediaType.EVENT_STREAM, MediaType.MULTIPART, MediaType.HTML
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, "
    "text/event-stream, multipart/mixed"
)
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
ACCEPTED = {
    None: [J, G, E, P, H],
    "": [J, G, E, P, H],
    "*/*": [J, G, E, P, H],
    "application/*": [J, G],
    "application/json": [J],
    "APPLICATION/JSON": [J],
    "application/json;charset=utf-8": [J],
    "application/graphql-response+json": [G],
    "application/graphql-response+json, application/json;q=0.9": [G, J],
    "application/json;q=0.9, application/graphql-response+json": [G, J],
    "application/json, application/graphql-response+json": [J, G],
    "application/json;q=0.5, */*;q=0.1": [J, G, E, P, H],
    "*/*, application/json;q=0": [G, E, P, H],
    "application/json;q=x": [],
    "application/json;q=2, text/event-stream": [J, E],
    "text/event-stream": [E],
    "text/event-stream, multipart/mixed": [E],
    "multipart/mixed": [],
    'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/graphql-response+json': [P, G],
    "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json;q=0.9": [P, J],
    'text/html;a="application/json, */*"': [H],
    URQL: [G, J, E],
    CHROME: [H, J, G, E, P],
    "image/png": [],
    ",,;": [],
}


@pytest.mark.parametrize("accept", ACCEPTED)
def test_the_best_of_what_a_client_accepts_comes_first(accept: str | None) -> None:
    assert ranked(accept, [*ANSWERS, MediaType.HTML]) == ACCEPTED[accept]
