"""Replies from any server that speaks OpenAI's wire, streamed."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx2

from models import FailureCode
from services.engines import EngineError, Model, Piece, Prompt
from services.engines.completion import Completion, Dialect, request_body
from services.engines.connection import Connection, Patience
from services.engines.faults import Rejection, refused

_CONTEXT_FIELDS = ("context_length", "max_model_len", "max_context_length", "n_ctx", "n_ctx_train")


@dataclass(frozen=True)
class Provider:
    """A server and what is known about it. `extra` goes into each request for a reply; wishes go over it."""

    url: str
    key: str | None = field(default=None, repr=False)
    model: str | None = None
    prompt_limit: int = 7168
    continues_turns: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


class OpenAIEngine:
    name = "openai"

    def __init__(
        self,
        reason: str,
        provider: Provider,
        max_replies: int,
        patience: Patience,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.reason = reason
        self.prompt_limit = provider.prompt_limit
        self.default_model = provider.model
        self._provider = provider
        self._dialect = Dialect()
        # Whoever waits here is served in the order of coming, and no clock runs for them yet.
        self._places = asyncio.Semaphore(max_replies)
        self._connection = Connection(provider.url, provider.key, patience, transport)

    async def reply(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        async with self._places:
            model = prompt.generation.model or self.default_model or await self._first_model()
            response = await self._request_reply(prompt, model)
            completion = Completion(prompt, model, self._provider.continues_turns)
            async with aclosing(self._connection.events(response)) as events:
                try:
                    async for data in events:
                        yield completion.take(data)
                except EngineError:
                    # What fails after the end takes nothing from the reply but the count of its tokens.
                    if completion.finish is None:
                        raise
            yield completion.last_piece()

    async def models(self) -> Sequence[Model]:
        response = await self._connection.request("GET", "/models")
        try:
            entries = json.loads(await self._connection.read(response))["data"]
            listed = {str(entry["id"]): _context_length(entry) for entry in entries}
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise refused("The engine has no list of models; its address may be wrong.") from error
        if self.default_model is None:
            self.default_model = next(iter(listed), None)
        elif self.default_model not in listed:
            listed = {self.default_model: None, **listed}
        return [Model(name, name == self.default_model, length) for name, length in listed.items()]

    async def close(self) -> None:
        await self._connection.close()

    async def _request_reply(self, prompt: Prompt, model: str | None) -> httpx2.Response:
        while True:
            dialect = self._dialect
            body = request_body(prompt, model, dialect, self._provider.continues_turns)
            try:
                return await self._connection.request(
                    "POST", "/chat/completions", {**self._provider.extra, **body}
                )
            except Rejection as rejection:
                self._dialect = dialect.after(rejection.status, rejection.said)
                if self._dialect == dialect:
                    raise

    async def _first_model(self) -> str | None:
        try:
            await self.models()
        except EngineError as error:
            # A server without such a list may well answer all the same.
            if error.failure.code is not FailureCode.ENGINE_REFUSED:
                raise
        return self.default_model


def _context_length(entry: Mapping[str, Any]) -> int | None:
    """Return what the server can take: vLLM, OpenRouter and LM Studio say it here, llama.cpp under `meta`."""
    said = {**(entry.get("meta") or {}), **entry}
    lengths = (said.get(name) for name in _CONTEXT_FIELDS)
    return next((length for length in lengths if isinstance(length, int) and length > 0), None)
