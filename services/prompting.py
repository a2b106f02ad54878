"""A conversation into what an engine reads: pure functions, rows in, values out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from models import Character, Conversation, FailureCode, Generation, Message, Role
from services.engines import EngineError, Prompt, Turn
from services.engines.tokens import estimate

_DEFAULT_SYSTEM_PROMPT = (
    "You are {{char}}, talking with {{user}}. Stay in character and write only {{char}}'s next reply."
)

_MACRO = re.compile(r"\{\{(char|user)\}\}", re.IGNORECASE)

# Tokens that a chat template puts around a turn.
_TURN_TOKENS = 8


@dataclass(frozen=True)
class Names:
    """What `{{char}}` and `{{user}}` stand for."""

    char: str
    user: str

    def into(self, text: str) -> str:
        """Replace the macros; what a replacement brings along is left alone."""
        return _MACRO.sub(lambda match: self.char if match[1].lower() == "char" else self.user, text)


@dataclass(frozen=True)
class Scene:
    """Who talks, about what."""

    character: Character
    conversation: Conversation
    names: Names


def build_prompt(
    scene: Scene, newest_first: Iterable[Message], limit: int, generation: Generation, continues: bool = False
) -> Prompt:
    """Tell the engine who speaks, then as much of the newest history as fits, in whole messages.

    `newest_first` is read only as far as it fits. Raises EngineError CONTEXT_TOO_LONG when the character
    and the newest message alone take more than `limit` tokens.
    """
    opening = [Turn(Role.SYSTEM, scene.names.into(_opening(scene)))]
    closing = _closing(scene)
    room = limit - sum(map(_cost, opening + closing))
    if room < 0:
        raise _too_long("The character's texts alone are too long for the model.")
    history = _newest_that_fit(newest_first, room)
    # What is to be continued must stay the last thing that the engine reads.
    turns = opening + closing + history if continues else opening + history + closing
    return Prompt(turns=turns, speaker=scene.names.char, generation=generation, continues=continues)


def _opening(scene: Scene) -> str:
    character, conversation = scene.character, scene.conversation
    parts = [
        ("", character.system_prompt or _DEFAULT_SYSTEM_PROMPT),
        ("", character.description),
        ("{{char}}'s personality: ", character.personality),
        ("Scenario: ", character.scenario),
        ("How {{char}} talks:\n", character.example_dialogue),
        ("What this conversation is about: ", conversation.topic),
        ("Good to know: ", conversation.context),
    ]
    return "\n\n".join(label + text for label, text in parts if text and text.strip())


def _closing(scene: Scene) -> list[Turn]:
    text = scene.character.post_history_instructions
    return [Turn(Role.SYSTEM, scene.names.into(text))] if text.strip() else []


def _newest_that_fit(newest_first: Iterable[Message], room: int) -> list[Turn]:
    turns: list[Turn] = []
    for message in newest_first:
        if not message.content:
            continue
        turn = Turn(message.role, message.content)
        room -= _cost(turn)
        if room < 0:
            if turns:
                break
            raise _too_long("The newest message is too long for the model.")
        turns.append(turn)
    return turns[::-1]


def _cost(turn: Turn) -> int:
    return estimate(turn.content) + _TURN_TOKENS


def _too_long(message: str) -> EngineError:
    return EngineError(FailureCode.CONTEXT_TOO_LONG, message, retryable=False)
