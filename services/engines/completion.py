"""The chat completion of the OpenAI wire: a prompt as a request, and its chunks as pieces."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from models import FinishReason, Generation, Role, TokenUsage
from services.engines import Piece, Prompt, Turn
from services.engines.continuing import Seam, text_before
from services.engines.faults import broke_off, content_filtered, from_event
from services.engines.tokens import estimated_usage

_GO_ON = (
    "Your last message broke off. Go on exactly where it ends, in the same voice. "
    "Write only what comes next: do not repeat any of it, and do not mention the break."
)
_LENGTH = frozenset({"length", "max_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "safety", "sensitive"})
_FAILED = frozenset({"error", "abort", "aborted", "cancelled", "network_error"})
_UNPAIRED = re.compile("[\ud800-\udfff\0]")


@dataclass(frozen=True)
class Dialect:
    """What servers differ in; one that refuses the usual words is spoken to in others from then on."""

    asks_for_usage: bool = True
    limit: str = "max_tokens"

    def after(self, status: int, said: str) -> "Dialect":
        """Return the dialect to try when a request was refused like this; the same one when it is not to blame."""
        if status not in (400, 422):
            return self
        if "max_completion_tokens" in said and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        if "stream_options" in said or "include_usage" in said:
            return replace(self, asks_for_usage=False)
        return self


def request_body(prompt: Prompt, model: str | None, dialect: Dialect, continues_turns: bool) -> dict[str, Any]:
    """Return what is sent; a wish that nobody has is left to the server."""
    body = {"messages": _messages(prompt, continues_turns), "stream": True}
    if model is not None:
        body["model"] = model
    if dialect.asks_for_usage:
        body["stream_options"] = {"include_usage": True}
    return body | _wishes(prompt.generation, dialect.limit)


def _wishes(generation: Generation, limit: str) -> dict[str, Any]:
    wishes = {
        "temperature": generation.temperature,
        "top_p": generation.top_p,
        limit: generation.max_tokens,
        "stop": generation.stop or None,
        "seed": generation.seed,
    }
    return {name: wish for name, wish in wishes.items() if wish is not None}


def _messages(prompt: Prompt, continues_turns: bool) -> list[dict[str, str]]:
    turns = list(prompt.turns)
    if prompt.continues:
        before = turns.pop()
        if text_before(prompt):
            # Models write a word with the space in front of it, so a space at the end leads them astray.
            turns.append(replace(before, content=before.content.rstrip()))
            turns += [] if continues_turns else [Turn(Role.USER, _GO_ON)]
    return [{"role": turn.role.lower(), "content": turn.content} for turn in turns]


class Completion:
    """One reply as it comes in: takes the data of an event, gives a piece."""

    def __init__(self, prompt: Prompt, model: str | None, continues_turns: bool) -> None:
        self._prompt = prompt
        self._model = model
        self._seam = Seam(text_before(prompt), asked=not continues_turns)
        self._half = ""
        self._written: list[str] = []
        self._usage: TokenUsage | None = None
        self.finish: FinishReason | None = None

    def take(self, data: str) -> Piece:
        chunk = _object(data)
        if error := chunk.get("error"):
            raise from_event(error)
        self._usage = _usage(chunk.get("usage")) or self._usage
        if isinstance(model := chunk.get("model"), str) and model:
            self._model = model
        try:
            choice: dict[str, Any] = next(iter(chunk.get("choices") or ()), {})
            text = self._whole(_text((choice.get("delta") or {}).get("content")))
            self._note_finish(choice.get("finish_reason"))
        except (AttributeError, TypeError) as error:
            raise broke_off("The engine sent something that is no part of a reply.") from error
        if text:
            self._written.append(text)
        return Piece(text, model=self._model)

    def last_piece(self) -> Piece:
        """Return the piece that ends the reply. Raise EngineError when it did not end, or said nothing."""
        if self.finish is None:
            raise broke_off("The engine ended before the reply did.")
        written = "".join(self._written)
        # Going on with a reply that was whole already rightly adds nothing.
        if not written.strip() and not text_before(self._prompt):
            raise broke_off("The engine had nothing to say.")
        return Piece("", self.finish, self._usage or estimated_usage(self._prompt, written), self._model)

    def _note_finish(self, reason: Any) -> None:
        if reason is None:
            return
        if reason in _FILTERED:
            raise content_filtered()
        if reason in _FAILED:
            raise broke_off("The engine broke the reply off.")
        self.finish = FinishReason.LENGTH if reason in _LENGTH else FinishReason.END

    def _whole(self, text: str) -> str:
        """Return the text with whole characters only: some servers cut between the halves of a pair."""
        if not text:
            return ""
        text = self._half + text
        self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        text = text.removesuffix(self._half) if self._half else text
        if _UNPAIRED.search(text):
            text = text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return self._seam.join(text)


def _object(data: str) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except ValueError as error:
        raise broke_off("The engine sent something that cannot be read.") from error
    if not isinstance(chunk, dict):
        raise broke_off("The engine sent something that is no part of a reply.")
    return chunk


def _text(content: Any) -> str:
    """Return the text of a delta; reasoning comes in fields of its own, or as a part of another type."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content)
    if content is not None and not isinstance(content, str):
        raise TypeError
    return content or ""


def _usage(usage: Any) -> TokenUsage | None:
    try:
        return TokenUsage(int(usage["prompt_tokens"]), int(usage["completion_tokens"]), estimated=False)
    except (KeyError, TypeError, ValueError):
        return None
