"""Builtin engine: replies without a language model, the same for the same prompt, word by word."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from hashlib import sha256
from random import Random

from models import FinishReason, Role, TokenUsage
from services.engines import Model, Piece, Prompt
from services.engines.continuing import TextJoiner, text_to_continue
from services.engines.tokens import Estimator, estimate

_NAME = "builtin"
_WORD = re.compile(r"\s*\S+")
_TOPIC = re.compile(r"\b[^\W\d_]{5,24}\b")
_STOP_WORDS = re.compile(
    "about|after|again|always|because|before|could|every|hello|might|never|other|please|really|shall|should"
    "|some(one|thing)|thanks?|their|there|these|things?|think|those|until|where|which|while|would|yours?",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?…\n]+[.!?…]*")
_SENTENCE_ENDS = frozenset(".!?…*)”\"'")
_MAX_ECHO_LENGTH = 80
_DISCLOSURE_CHANCE = 0.25

_ARRIVALS = (
    "*{name} looks up and smiles.*",
    "*{name} leans a little closer.*",
    "*{name} sets everything else aside.*",
    "*{name} nods slowly.*",
    "*{name} thinks for a moment.*",
)
_ECHOES = (
    "“{echo}” — I like the way you put that.",
    "You say “{echo}”, and I will not let that pass unanswered.",
    "“{echo}”, you say; that stays with me.",
)
_THOUGHTS = (
    "The word “{topic}” makes me think of long evenings and of people who had time for each other.",
    "There is more to “{topic}” than fits into one breath.",
    "I once kept a notebook, and “{topic}” would have had a page of its own.",
    "Ask three people what “{topic}” means to them, and you will carry home four opinions.",
    "It is “{topic}” that I keep coming back to, I hardly know why.",
)
_REMARKS = (
    "I would rather hear your view than trust my own too quickly.",
    "Some things grow clearer while one talks about them.",
    "Give me a quiet corner and good company, and the day is saved.",
    "Let us not hurry; it will still be there when we have thought about it.",
    "I have been wrong about such things before, and it never did me any harm.",
    "It is the small things that I remember longest.",
    "You have a way of asking that makes me want to answer well.",
)
_RESUMPTIONS = (
    "well, you know how that goes.",
    "and there I lost my thread for a moment.",
    "but I am getting ahead of myself.",
)
# Tells in the character's voice that no language model writes the replies.
_DISCLOSURE = "My stock of sentences is small and well worn, so forgive me if you hear one of them twice."
_QUESTIONS = (
    "What made you think of it today?",
    "Where would you like to begin?",
    "And what would you do, if it were up to you alone?",
    "Tell me more, will you?",
    "Does it look that way to you as well?",
)


class BuiltinEngine:
    """Engine that combines ready-made sentences with words of the prompt."""

    name = _NAME
    prompt_limit = 100_000
    tokens = Estimator()
    default_model = _NAME

    def __init__(self, reason: str, pace_ms: float = 20) -> None:
        self.reason = reason
        self._seconds = pace_ms / 1000

    async def reply(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        text = _before_stop(_answer(prompt), prompt.generation.stop or ())
        words = _WORD.findall(text)
        wanted = words[: prompt.generation.max_tokens]
        for word in wanted:
            await asyncio.sleep(self._seconds)
            yield Piece(word)
        finish = FinishReason.END if len(wanted) == len(words) else FinishReason.LENGTH
        yield Piece("", finish, _usage(prompt, len(wanted)), _NAME)

    async def models(self) -> Sequence[Model]:
        return [Model(_NAME, is_default=True, context_length=self.prompt_limit)]

    async def close(self) -> None:
        """Does nothing: this engine has no connections and no processes."""


def _answer(prompt: Prompt) -> str:
    before = text_to_continue(prompt)
    return TextJoiner(before, adds_space=True).join(" ".join(_sentences(prompt, before)))


def _sentences(prompt: Prompt, before: str) -> Iterator[str]:
    chance = Random(_seed(prompt))
    said = _last_sentence_of_user(prompt)
    if not before:
        yield chance.choice(_ARRIVALS).format(name=prompt.speaker)
        if said and len(said) <= _MAX_ECHO_LENGTH:
            yield chance.choice(_ECHOES).format(echo=said)
    elif before.rstrip()[-1] not in _SENTENCE_ENDS:
        yield chance.choice(_RESUMPTIONS)
    if topic := _topic(said):
        yield chance.choice(_THOUGHTS).format(topic=topic)
    yield from chance.sample(_REMARKS, chance.randint(2, 3))
    if chance.random() < _DISCLOSURE_CHANCE:
        yield _DISCLOSURE
    yield chance.choice(_QUESTIONS)


def _seed(prompt: Prompt) -> int:
    source = repr((prompt.speaker, prompt.generation.seed, [(turn.role, turn.content) for turn in prompt.turns]))
    return int.from_bytes(sha256(source.encode(errors="replace")).digest()[:8])


def _last_sentence_of_user(prompt: Prompt) -> str:
    said = next((turn.content for turn in reversed(prompt.turns) if turn.role is Role.USER), "")
    sentences = (found.strip().rstrip(".…") for found in reversed(_SENTENCE.findall(said)))
    return next(filter(None, sentences), "")


def _topic(said: str) -> str:
    """Returns the longest word of a sentence, the last one of several; empty when there is none."""
    words = [word for word in _TOPIC.findall(said) if not _STOP_WORDS.fullmatch(word)]
    return max(reversed(words), key=len, default="")


def _before_stop(text: str, stops: Sequence[str]) -> str:
    return text[: min((at for stop in stops if stop and (at := text.find(stop)) >= 0), default=len(text))]


def _usage(prompt: Prompt, words: int) -> TokenUsage:
    return TokenUsage(sum(estimate(turn.content) for turn in prompt.turns), words, estimated=True)
