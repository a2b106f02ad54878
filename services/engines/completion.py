"""Chat completions of the OpenAI API: a prompt as a request body, and the streamed chunks as pieces."""

import json
from dataclasses import dataclass, replace
from typing import Any

import orjson

from models import FinishReason, Generation, Role, TokenUsage
from services.engines import Piece, Prompt, PromptTurn
from services.engines.continuing import TextJoiner, text_to_continue
from services.engines.faults import broke_off, content_filtered, from_event
from services.engines.storable import storable_name, storable_text
from services.engines.tokens import counted_usage, estimated_usage

_CONTINUE_INSTRUCTION = (
    "Your last message broke off. Go on exactly where it ends, in the same voice. "
    "Write only what comes next: do not repeat any of it, and do not mention the break."
)
_LENGTH_REASONS = frozenset({"length", "max_tokens", "model_length"})
_FILTER_REASONS = frozenset({"content_filter", "safety", "sensitive"})
_ERROR_REASONS = frozenset({"error", "abort", "aborted", "cancelled", "network_error"})
# Options that only some servers have; a reply without them is better than none.
_NOT_EVERYWHERE = ("min_p", "top_k", "frequency_penalty", "presence_penalty")


@dataclass(frozen=True)
class Dialect:
    """Differences between OpenAI-compatible servers.

    With `supports_prefill`, the server continues a trailing assistant message; without it, the engine adds an
    instruction to continue. The other fields start with OpenAI's own and change after a server rejected them;
    `unknown` are options that it does not have.
    """

    supports_prefill: bool = False
    include_usage: bool = True
    max_tokens_field: str = "max_tokens"
    unknown: frozenset[str] = frozenset()

    def after_rejection(self, status: int, body: str) -> "Dialect":
        """Returns the dialect for the next try; the same one when it did not cause this rejection."""
        if status not in (400, 422):
            return self
        if "max_completion_tokens" in body and self.max_tokens_field == "max_tokens":
            return replace(self, max_tokens_field="max_completion_tokens")
        if "stream_options" in body or "include_usage" in body:
            return replace(self, include_usage=False)
        return replace(self, unknown=self.unknown | {name for name in _NOT_EVERYWHERE if name in body})


def request_body(prompt: Prompt, model: str | None, dialect: Dialect) -> dict[str, Any]:
    """Returns the JSON body of the request; options that are not set are left to the server."""
    body = {"messages": _messages(prompt, dialect), "stream": True}
    if model is not None:
        body["model"] = model
    if dialect.include_usage:
        body["stream_options"] = {"include_usage": True}
    return body | _options(prompt.generation, dialect)


def _options(generation: Generation, dialect: Dialect) -> dict[str, Any]:
    options = {
        "temperature": generation.temperature,
        "top_p": generation.top_p,
        dialect.max_tokens_field: generation.max_tokens,
        "stop": generation.stop or None,
        "seed": generation.seed,
        **{name: getattr(generation, name) for name in _NOT_EVERYWHERE},
    }
    return {name: value for name, value in options.items() if value is not None and name not in dialect.unknown}


def _messages(prompt: Prompt, dialect: Dialect) -> list[dict[str, str]]:
    turns = list(prompt.turns)
    if prompt.continues:
        beginning = turns.pop()
        if text_to_continue(prompt):
            # Models write a word together with the space before it; a trailing space makes the next word worse.
            turns.append(replace(beginning, content=beginning.content.rstrip()))
            turns += [] if dialect.supports_prefill else [PromptTurn(Role.USER, _CONTINUE_INSTRUCTION)]
    return [{"role": turn.role.lower(), "content": turn.content} for turn in turns]


class Completion:
    """State of one streamed reply: its chunks become pieces, and its end becomes the last piece."""

    def __init__(self, prompt: Prompt, model: str | None, dialect: Dialect) -> None:
        self._prompt = prompt
        self._model = storable_name(model) if model else None
        # As the server names it, in each chunk.
        self._named: object = None
        self._joiner = TextJoiner(text_to_continue(prompt), adds_space=not dialect.supports_prefill)
        self._high_surrogate = ""
        self._texts: list[str] = []
        self._usage: TokenUsage | None = None
        self.finish: FinishReason | None = None

    def piece(self, data: str) -> Piece:
        """Returns the piece in the data of an event. Raises EngineError for an error and for invalid data."""
        try:
            chunk = _decoded(data)
            if error := chunk.get("error"):
                raise from_event(error)
            self._usage = counted_usage(chunk.get("usage")) or self._usage
            self._set_model(chunk.get("model"))
            choice: dict[str, Any] = next(iter(chunk.get("choices") or ()), {})
            text = self._complete_characters(_text((choice.get("delta") or {}).get("content")))
            self._set_finish(choice.get("finish_reason"))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise broke_off("The engine sent a chunk that is not part of a chat completion.") from error
        if text:
            self._texts.append(text)
        return Piece(text, model=self._model)

    def last_piece(self) -> Piece:
        """Returns the piece that finishes the reply. Raises EngineError when the reply is incomplete or empty."""
        if self.finish is None:
            raise broke_off("The engine ended the stream before the reply was complete.")
        text = "".join(self._texts)
        # The continuation of a reply that was complete may be empty.
        if not text.strip() and not text_to_continue(self._prompt):
            raise broke_off("The engine sent an empty reply.")
        return Piece("", self.finish, self._usage or estimated_usage(self._prompt, text), self._model)

    def _set_model(self, name: Any) -> None:
        if isinstance(name, str) and name != self._named:
            self._named = name
            self._model = storable_name(name) or self._model

    def _set_finish(self, reason: Any) -> None:
        if reason is None:
            return
        if reason in _FILTER_REASONS:
            raise content_filtered()
        if reason in _ERROR_REASONS:
            raise broke_off("The engine aborted the reply.")
        self.finish = FinishReason.LENGTH if reason in _LENGTH_REASONS else FinishReason.END

    def _complete_characters(self, text: str) -> str:
        """Returns the storable text; some servers split a surrogate pair between two chunks."""
        if text.isascii() and not self._high_surrogate and "\0" not in text:
            return self._joiner.join(text)
        text = self._high_surrogate + text
        self._high_surrogate = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        text = text.removesuffix(self._high_surrogate)
        return self._joiner.join(storable_text(text))


def _decoded(data: str) -> Any:
    """Raises ValueError, and RecursionError for JSON that is nested too deeply."""
    try:
        return orjson.loads(data)
    except ValueError:
        # It knows neither half a surrogate pair nor NaN.
        return json.loads(data)


def _text(content: Any) -> str:
    """Returns the text of a delta. Reasoning is not part of it: it has other fields, or parts of another type."""
    if isinstance(content, str):
        return content
    texts = [part.get("text") for part in content] if isinstance(content, list) else [content]
    return "".join(text for text in texts if text is not None)
