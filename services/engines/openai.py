"""Engine for OpenAI-compatible servers, with streamed replies."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from models import FailureCode
from services.engines import EngineError, Model, Piece, Prompt, TokenCounter
from services.engines.completion import Completion, Dialect, request_body
from services.engines.connection import Connection, Patience
from services.engines.faults import Rejection, refused
from services.engines.sessions import Sessions
from services.engines.storable import storable_name
from services.engines.tokens import Estimator, token_count

_CONTEXT_FIELDS = ("context_length", "max_model_len", "max_context_length", "n_ctx", "n_ctx_train")


@dataclass(frozen=True)
class Provider:
    """Server of an engine. `extra` is added to each request for a reply; the prompt's options override it."""

    url: str
    key: str | None = field(default=None, repr=False)
    model: str | None = None
    prompt_limit: int = 7168
    dialect: Dialect = field(default_factory=Dialect)
    extra: Mapping[str, Any] = field(default_factory=dict)


class OpenAIEngine:
    """Engine that requests chat completions, at most `max_replies` at a time."""

    name = "openai"

    def __init__(
        self,
        reason: str,
        provider: Provider,
        max_replies: int,
        patience: Patience,
        sessions: Sessions | None = None,
    ) -> None:
        self.reason = reason
        self.prompt_limit = provider.prompt_limit
        self.tokens: TokenCounter = Estimator()
        self.default_model = provider.model
        self._provider = provider
        self._dialect = provider.dialect
        # Replies wait here in order of arrival; their time-out starts with the request.
        self._slots = asyncio.Semaphore(max_replies)
        self._connection = Connection(provider.url, provider.key, patience, sessions)

    async def reply(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        async with self._slots:
            model = prompt.generation.model or self.default_model or await self._first_model()
            response = await self._request_reply(prompt, model)
            completion = Completion(prompt, model, self._dialect)
            async with aclosing(self._connection.events(response)) as events:
                try:
                    async for data in events:
                        yield completion.piece(data)
                except EngineError:
                    # The reply is complete once it has a finish reason; a later error can only lose the usage.
                    if completion.finish is None:
                        raise
            yield completion.last_piece()

    async def models(self) -> Sequence[Model]:
        response = await self._connection.request("GET", "/models")
        try:
            entries = json.loads(await self._connection.read(response))["data"]
            listed = {storable_name(str(entry["id"])): _context_length(entry) for entry in entries}
        # RecursionError: JSON that is nested too deeply.
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise refused("The engine's list of models is invalid; check the engine's address.") from error
        listed.pop("", None)
        if self.default_model is None:
            self.default_model = next(iter(listed), None)
        elif self.default_model not in listed:
            listed = {self.default_model: None, **listed}
        return [Model(name, name == self.default_model, length) for name, length in listed.items()]

    async def close(self) -> None:
        await self._connection.close()

    def _extra(self, prompt: Prompt) -> Mapping[str, Any]:
        """Returns further fields of the request; the prompt's options override them."""
        return self._provider.extra

    async def _request_reply(self, prompt: Prompt, model: str | None) -> aiohttp.ClientResponse:
        extra = self._extra(prompt)
        while True:
            dialect = self._dialect
            body = request_body(prompt, model, dialect)
            try:
                return await self._connection.request("POST", "/chat/completions", {**extra, **body})
            except Rejection as rejection:
                self._dialect = dialect.after_rejection(rejection.status, rejection.body)
                if self._dialect == dialect:
                    raise

    async def _first_model(self) -> str | None:
        try:
            await self.models()
        except EngineError as error:
            # A server without a list of models may still generate replies.
            if error.failure.code is not FailureCode.ENGINE_REFUSED:
                raise
        return self.default_model


def _context_length(entry: Mapping[str, Any]) -> int | None:
    """Returns the context length of a model: vLLM, OpenRouter and LM Studio have it here, llama.cpp in `meta`."""
    fields = {**(entry.get("meta") or {}), **entry}
    lengths = (token_count(fields.get(name)) for name in _CONTEXT_FIELDS)
    return next(filter(None, lengths), None)
